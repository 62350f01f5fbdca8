//! An allocator that counts the allocations of each thread.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator with a counter per thread. The threads share no counter, so they do not
/// slow each other down.
pub struct Counting;

thread_local! {
    static COUNTED: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
}

/// Returns how many allocations this thread has made so far, and how many bytes it requested.
pub fn counted() -> (u64, u64) {
    COUNTED.get()
}

fn add(bytes: usize) {
    let (calls, total) = COUNTED.get();
    COUNTED.set((calls + 1, total + bytes as u64));
}

unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        add(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        add(size);
        unsafe { System.realloc(pointer, layout, size) }
    }
}
