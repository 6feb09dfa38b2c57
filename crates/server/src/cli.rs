//! The words of the command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use chrono::NaiveDate;
use clap::{Parser, Subcommand};

/// Hosts card shops: main sites, their sub-sites, one ledger.
#[derive(Debug, Parser)]
#[command(name = "cardgrove", version, about)]
pub struct Cli {
    /// A settings file; environment variables win over it.
    #[arg(long, env = "CARDGROVE_CONFIG", global = true)]
    pub config: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the program can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve with the demo shops: the first start makes them and their log-ins.
    Demo {
        /// The folder with the packs.
        #[arg(long, default_value = "tenants")]
        packs: PathBuf,
    },
    /// Serve the shops and the console.
    Serve,
    /// Serve the sandbox gateway, a payment provider that moves no money. Ends with its standard input.
    SandboxGateway {
        /// Where to listen.
        #[arg(long, default_value = "127.0.0.1:8090")]
        listen: SocketAddr,
        /// The folder of its records.
        #[arg(long, default_value = "var/sandbox")]
        data: PathBuf,
    },
    /// Bring the database's schema up to date.
    Migrate,
    /// Shops as packs of files.
    #[command(subcommand)]
    Tenant(Tenant),
    /// Cards of stock: files in, batches back, codes out.
    #[command(subcommand)]
    Cards(Cards),
    /// What gateways say of a day beside our own rows.
    #[command(subcommand)]
    Bill(Bill),
    /// Write the whole database to a new file, beside a running server. The master key is not in it: see `keys export`.
    Backup {
        /// The file to be made.
        file: PathBuf,
    },
    /// Make an empty database what a backup says, and audit it; exits with 1 if something does not hold.
    Restore {
        /// The backup.
        file: PathBuf,
    },
    /// Work that failed for good.
    #[command(subcommand)]
    Jobs(Jobs),
    /// Check every invariant of every tenant; exits with 1 if one is broken.
    Audit,
    /// The master key.
    #[command(subcommand)]
    Keys(Keys),
    /// Show the settings in force, with secrets masked.
    Config,
}

/// Shops as packs of files.
#[derive(Debug, Subcommand)]
pub enum Tenant {
    /// Make a shop what its pack says, all of it or nothing.
    Apply {
        /// The pack's folder.
        pack: PathBuf,
        /// Only show what would change.
        #[arg(long)]
        dry_run: bool,
    },
    /// Copy the blank pack to begin a new one.
    New {
        /// The new tenant's name in packs.
        slug: String,
        /// Where to put the pack.
        #[arg(long, default_value = "tenants")]
        packs: PathBuf,
    },
}

/// Cards of stock.
#[derive(Debug, Subcommand)]
pub enum Cards {
    /// Put the cards of a file in stock: plain text, CSV or an Excel workbook, a card a row.
    Import {
        /// The file.
        file: PathBuf,
        /// The shop, by its slug.
        #[arg(long)]
        tenant: String,
        /// The SKU, by its code.
        #[arg(long)]
        sku: String,
        /// Only say what would be added, and which rows have faults.
        #[arg(long)]
        dry_run: bool,
        /// The day on which rows without one run out, such as 2029-12-31.
        #[arg(long)]
        expires_on: Option<NaiveDate>,
        /// Why, for the batch.
        #[arg(long)]
        reason: Option<String>,
        /// A word of yours that makes this one batch: the same word with the same file goes on where it was cut off.
        #[arg(long)]
        key: Option<String>,
    },
    /// List the batches, the newest first.
    Batches {
        /// The shop, by its slug.
        #[arg(long)]
        tenant: String,
        /// Only this SKU's.
        #[arg(long)]
        sku: Option<String>,
        /// How many.
        #[arg(long, default_value_t = 20)]
        limit: u64,
    },
    /// Take what is still free of a batch out of stock again.
    Undo {
        /// The batch, such as bat_01j...
        batch: String,
        /// The shop, by its slug.
        #[arg(long)]
        tenant: String,
        /// Why.
        #[arg(long)]
        reason: Option<String>,
    },
    /// Write codes in the open to a new CSV file; that it was done is kept for ever.
    Export {
        /// The shop, by its slug.
        #[arg(long)]
        tenant: String,
        /// The SKU, by its code.
        #[arg(long)]
        sku: String,
        /// Only cards that are available, held, sold, void or shared.
        #[arg(long)]
        state: Option<String>,
        /// Why.
        #[arg(long)]
        reason: String,
        /// The file to be made.
        #[arg(long)]
        out: PathBuf,
    },
}

/// Bills of gateways.
#[derive(Debug, Subcommand)]
pub enum Bill {
    /// Compare a gateway's bill of a day in Beijing with our payments and refunds, line by line; exits with 1 if
    /// anything is not the same.
    Compare {
        /// The shop, by its slug.
        #[arg(long)]
        tenant: String,
        /// Only this channel's, such as chn_01j...
        #[arg(long)]
        channel: Option<String>,
        /// The day, such as 2026-11-21.
        #[arg(long)]
        day: NaiveDate,
    },
}

/// Work that failed for good.
#[derive(Debug, Subcommand)]
pub enum Jobs {
    /// List the dead letters, the oldest first, each with its last error.
    Dead {
        /// Only this shop's, by its slug.
        #[arg(long)]
        tenant: Option<String>,
    },
    /// Queue a dead letter again, with all its tries before it.
    Retry {
        /// The job, such as job_01j...
        job: String,
    },
}

/// The master key.
#[derive(Debug, Subcommand)]
pub enum Keys {
    /// Print the master key, to be kept in a safe place: without it no code can be opened.
    Export,
    /// Make a new master key and new data keys; codes sealed before still open.
    Rotate,
}
