//! The guide shows the code of this crate.

#[test]
fn every_block_of_the_guide_is_in_the_source() {
    let guide = include_str!("../../docs/guide/hand-over.md");
    let sources = [
        include_str!("../src/graphile.rs"),
        include_str!("../src/apalis.rs"),
        include_str!("../src/redis_streams.rs"),
        include_str!("../src/nats.rs"),
    ];
    let blocks: Vec<&str> =
        guide.split("```rust,ignore\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(blocks.len() >= 12, "{} blocks", blocks.len());
    for block in blocks {
        assert!(sources.iter().any(|source| source.contains(block)), "not in the source:\n{block}");
    }
}
