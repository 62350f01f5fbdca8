//! The oracles of the fuzz targets, with the inputs that the fuzzer found and changes of them.

use std::panic::{AssertUnwindSafe, catch_unwind};

use offhook_oracles::{ALL, corpus};
use offhook_tests::random::Random;

#[test]
fn the_crate_does_what_every_oracle_says() {
    for oracle in ALL {
        let inputs = corpus::of(oracle.name);
        assert!(inputs.len() >= 50, "{}: {}", oracle.name, inputs.len());
        let mut random = Random::seeded(oracle.name, false);
        for input in &inputs {
            (oracle.check)(input);
            for _ in 0..4 {
                (oracle.check)(&changed(input, &inputs, &mut random));
            }
        }
    }
}

/// An oracle that finds nothing shows nothing.
#[test]
fn every_oracle_finds_its_planted_fault() {
    for oracle in ALL {
        let inputs = corpus::of(oracle.name);
        let finds = |input: &Vec<u8>| catch_unwind(AssertUnwindSafe(|| (oracle.check_planted)(input))).is_err();
        assert!(inputs.iter().any(finds), "{} does not find it", oracle.name);
    }
}

/// Returns the input with a few bytes changed, or with a part of another input.
fn changed(input: &[u8], inputs: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut input = input.to_vec();
    let place = |input: &[u8], random: &mut Random| random.below(input.len() as u64 + 1) as usize;
    for _ in 0..random.between(1, 4) {
        let at = place(&input, random);
        match random.below(4) {
            0 => input.insert(at, random.bytes(1)[0]),
            1 => drop(input.drain(at..(at + 2).min(input.len()))),
            2 => {
                let other = &inputs[random.below(inputs.len() as u64) as usize];
                input.splice(at.., other[place(other, random)..].iter().copied());
            }
            _ => {
                if let Some(byte) = input.get_mut(at) {
                    *byte ^= 1 << random.below(8);
                }
            }
        }
    }
    input
}
