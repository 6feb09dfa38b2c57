//! The one program of the house.

use std::process::ExitCode;

use clap::Parser;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = server::cli::Cli::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let outcome = runtime.map_err(anyhow::Error::from).and_then(|runtime| runtime.block_on(server::commands::run(cli)));
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("cardgrove: {error:#}");
            ExitCode::FAILURE
        }
    }
}
