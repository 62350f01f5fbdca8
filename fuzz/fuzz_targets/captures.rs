#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| offhook_fuzz::check("captures", input));
