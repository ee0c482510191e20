//! Completion scripts and the manual page, made from the same definitions as `--help`.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::Result;
use crate::args::Args;
use crate::output;

/// Arguments of `completions`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct CompletionsArgs {
    /// For which shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints a script that the shell reads, such as `source <(netzmq completions bash)`.
pub(crate) fn completions(args: &CompletionsArgs) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "netzmq", &mut script);
    output::print(&String::from_utf8_lossy(&script))
}

/// Prints the manual page, one section for each command: `netzmq man | man -l -`.
pub(crate) fn man() -> Result<()> {
    let mut page = Vec::new();
    let mut command = Args::command();
    command.build();
    clap_mangen::Man::new(command.clone()).render(&mut page)?;
    for tool in command.get_subcommands().filter(|tool| tool.get_name() != "help") {
        let man = clap_mangen::Man::new(tool.clone());
        page.extend_from_slice(format!(".SH \"NETZMQ {}\"\n", tool.get_name().to_uppercase()).as_bytes());
        if let Some(about) = tool.get_about() {
            page.extend_from_slice(format!("{about}.\n.PP\n").as_bytes());
        }
        man.render_options_section(&mut page)?;
    }
    output::print(&String::from_utf8_lossy(&page))
}
