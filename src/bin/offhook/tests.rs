use clap::{Command, CommandFactory, Parser};

use crate::Arguments;

/// Returns the command and everything below it that has a help text of its own.
fn commands(command: Command) -> Vec<Command> {
    let below = command.get_subcommands().filter(|below| below.get_name() != "help").cloned().flat_map(commands);
    let below: Vec<_> = below.collect();
    [vec![command], below].concat()
}

/// Returns the lines that call `offhook`, without what a shell does before and after.
fn calls(text: &str) -> impl Iterator<Item = Vec<&str>> {
    text.lines().filter_map(|line| {
        let call = line.get(line.find("offhook ")?..)?;
        Some(call.split_whitespace().take_while(|word| !["|", ">", "\\"].contains(word)).collect())
    })
}

fn assert_understood(call: &[&str], place: &str) {
    if let Err(error) = Arguments::try_parse_from(call) {
        panic!("{place}: {}: {error}", call.join(" "));
    }
}

#[test]
fn every_help_has_examples_that_are_understood() {
    for mut command in commands(Arguments::command()) {
        let name = command.get_name().to_owned();
        let help = command.render_help().to_string();
        let (_, after) = help.split_once("\nExamples:\n").unwrap_or_else(|| panic!("{name} has no examples"));
        let examples = after.split("\n\n").next().unwrap_or_default();
        let calls: Vec<_> = calls(examples).collect();
        assert!(calls.iter().any(|call| call.contains(&name.as_str())), "{name}: {examples}");
        for call in calls {
            assert_understood(&call, &name);
        }
    }
}

#[test]
fn the_commands_of_the_guide_are_understood() {
    let pages = [include_str!("../../../docs/guide/command.md"), include_str!("../../../docs/guide/suite.md")];
    let prompted = pages.iter().flat_map(|page| page.lines()).filter_map(|line| line.strip_prefix("$ "));
    let prompted: Vec<_> = prompted.collect();
    assert!(prompted.len() > 7, "{prompted:?}");
    for call in calls(&prompted.join("\n")) {
        assert_understood(&call, "the guide");
    }
}
