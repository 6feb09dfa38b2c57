//! The adapter against the real sandbox gateway, alone and inside the house.

mod adapter;
mod house;
mod signing;
mod world;
