//! The room that wires: settings, the open house, the servers and the commands of the binary `cardgrove`.
//!
//! Nothing below knows of settings, signals, sockets or files outside the database; everything here is wiring and says
//! so in few words. Invariants: on PostgreSQL the server never serves as the schema's owner; on SQLite one process
//! owns the file, and other commands read beside it or hand it their writes over a socket.

mod archive;
pub mod audit;
pub mod backup;
pub mod bill;
pub mod cards;
pub mod cli;
pub mod commands;
pub mod control;
pub mod database;
pub mod house;
pub mod http;
pub mod jobs;
pub mod letters;
pub mod progress;
pub mod report;
pub mod restore;
pub mod sandbox;
pub mod serve;
pub mod settings;
pub mod telemetry;
pub mod wire;
