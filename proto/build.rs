//! Compiles `fleet/v1/*.proto` with a protobuf compiler written in Rust: no protoc is needed.

use std::{env, error::Error, path::PathBuf};

#[expect(
    clippy::disallowed_methods,
    reason = "Cargo tells a build script where to write by OUT_DIR"
)]
fn main() -> Result<(), Box<dyn Error>> {
    let files = ["fleet/v1/telemetry.proto", "fleet/v1/services.proto"];
    for file in files {
        println!("cargo:rerun-if-changed={file}");
    }
    let mut compiler = protox::Compiler::new(["."])?;
    compiler.include_source_info(true).include_imports(true).open_files(files)?;
    let out_dir = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    // The descriptors serve gRPC reflection.
    std::fs::write(out_dir.join("fleet_descriptor.bin"), compiler.encode_file_descriptor_set())?;
    tonic_prost_build::configure()
        .bytes(".")
        .btree_map(".")
        .compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}
