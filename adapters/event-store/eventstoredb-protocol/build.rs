//! Turns the protocol files into Rust, without any compiler of the system.

use std::{env, error::Error, path::PathBuf};

const FILES: [&str; 4] = ["shared.proto", "gossip.proto", "features.proto", "streams.proto"];

fn main() -> Result<(), Box<dyn Error>> {
    let folder =
        PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").ok_or("cargo names the folder")?).join("protos");
    println!("cargo::rerun-if-changed={}", folder.display());
    let files = protox::compile(FILES, [&folder])?;
    tonic_prost_build::configure().build_transport(false).compile_fds(files)?;
    Ok(())
}
