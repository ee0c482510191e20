//! `cargo xtask install --prefix DIR`: the C library as a package would have it: shared with its links, static, headers,
//! and the files by which pkg-config and CMake find it.
//!
//! The files name no folder: they find their own, so that the installed tree can be moved.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::shell::{self, Result};

/// What libzmq 4.3.5's own file is called: its interface's number, 5, and 2.5 of it.
const FILE: &str = "libzmq.so.5.2.5";
const VERSION: &str = "4.3.5";
/// What a static library of Rust wants from the system (`rustc --print native-static-libs`).
const SYSTEM_LIBRARIES: &str = "-lgcc_s -lutil -lrt -lpthread -lm -ldl -lc";

/// Builds and installs.
pub(crate) fn install(prefix: &Path) -> Result<()> {
    shell::run(&mut shell::cargo(&["build", "--release", "-p", "netzmq-capi"]))?;
    let built = shell::target().join("release");
    let header = shell::root().join("crates/capi/include");
    let prefix = std::path::absolute(prefix).map_err(|error| format!("{}: {error}", prefix.display()))?;
    let lib = prefix.join("lib");
    let (pkgconfig, cmake) = (lib.join("pkgconfig"), lib.join("cmake/ZeroMQ"));
    for folder in [&pkgconfig, &cmake, &prefix.join("include")] {
        std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    copy(&built.join("libzmq.so"), &lib.join(FILE))?;
    copy(&built.join("libzmq.a"), &lib.join("libzmq.a"))?;
    for name in ["zmq.h", "zmq_utils.h"] {
        copy(&header.join(name), &prefix.join("include").join(name))?;
    }
    link(FILE, &lib.join("libzmq.so.5"))?;
    link("libzmq.so.5", &lib.join("libzmq.so"))?;
    write(&pkgconfig.join("libzmq.pc"), &pkg_config())?;
    write(&cmake.join("ZeroMQConfig.cmake"), &cmake_config())?;
    write(&cmake.join("ZeroMQConfigVersion.cmake"), &cmake_version())?;
    println!("installed in {}", prefix.display());
    Ok(())
}

/// Replaced, not written over: a program may have the old file mapped.
fn copy(from: &Path, to: &Path) -> Result<()> {
    // There may be none yet.
    let _ = std::fs::remove_file(to);
    std::fs::copy(from, to).map(|_| ()).map_err(|error| format!("{}: {error}", to.display()))
}

fn link(target: &str, at: &Path) -> Result<()> {
    // As above.
    let _ = std::fs::remove_file(at);
    std::os::unix::fs::symlink(target, at).map_err(|error| format!("{}: {error}", at.display()))
}

fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}

fn pkg_config() -> String {
    format!(
        "prefix=${{pcfiledir}}/../..
libdir=${{prefix}}/lib
includedir=${{prefix}}/include

Name: libzmq
Description: ZeroMQ's C interface, by netzmq
Version: {VERSION}
Libs: -L${{libdir}} -lzmq
Libs.private: {SYSTEM_LIBRARIES}
Cflags: -I${{includedir}}
"
    )
}

/// The targets and variables that libzmq's own file has.
fn cmake_config() -> String {
    let libraries = SYSTEM_LIBRARIES.replace("-l", "").replace(' ', ";");
    format!(
        "get_filename_component(_zeromq_prefix \"${{CMAKE_CURRENT_LIST_DIR}}/../../..\" ABSOLUTE)
set(ZeroMQ_INCLUDE_DIR \"${{_zeromq_prefix}}/include\")
set(ZeroMQ_LIBRARY \"${{_zeromq_prefix}}/lib/libzmq.so\")
set(ZeroMQ_STATIC_LIBRARY \"${{_zeromq_prefix}}/lib/libzmq.a\")
set(ZeroMQ_FOUND TRUE)

if(NOT TARGET libzmq)
  add_library(libzmq SHARED IMPORTED)
  set_target_properties(libzmq PROPERTIES
    IMPORTED_LOCATION \"${{ZeroMQ_LIBRARY}}\"
    IMPORTED_SONAME libzmq.so.5
    INTERFACE_INCLUDE_DIRECTORIES \"${{ZeroMQ_INCLUDE_DIR}}\")
endif()
if(NOT TARGET libzmq-static)
  add_library(libzmq-static STATIC IMPORTED)
  set_target_properties(libzmq-static PROPERTIES
    IMPORTED_LOCATION \"${{ZeroMQ_STATIC_LIBRARY}}\"
    INTERFACE_INCLUDE_DIRECTORIES \"${{ZeroMQ_INCLUDE_DIR}}\"
    INTERFACE_LINK_LIBRARIES \"{libraries}\")
endif()
unset(_zeromq_prefix)
"
    )
}

fn cmake_version() -> String {
    format!(
        "set(PACKAGE_VERSION {VERSION})
if(PACKAGE_VERSION VERSION_LESS PACKAGE_FIND_VERSION)
  set(PACKAGE_VERSION_COMPATIBLE FALSE)
else()
  set(PACKAGE_VERSION_COMPATIBLE TRUE)
  if(PACKAGE_FIND_VERSION STREQUAL PACKAGE_VERSION)
    set(PACKAGE_VERSION_EXACT TRUE)
  endif()
endif()
"
    )
}

// ---- the check ----

const PROGRAM: &str = r#"#include <zmq.h>
#include <string.h>

int main (void)
{
    int major, minor, patch;
    char text[6] = "";
    void *context = zmq_ctx_new ();
    void *pull = zmq_socket (context, ZMQ_PULL), *push = zmq_socket (context, ZMQ_PUSH);
    zmq_version (&major, &minor, &patch);
    int good = ZMQ_MAKE_VERSION (major, minor, patch) == ZMQ_VERSION && zmq_bind (pull, "inproc://a") == 0
               && zmq_connect (push, "inproc://a") == 0 && zmq_send (push, "hello", 5, 0) == 5
               && zmq_recv (pull, text, 5, 0) == 5 && strcmp (text, "hello") == 0;
    zmq_close (pull);
    zmq_close (push);
    return zmq_ctx_term (context) == 0 && good ? 0 : 1;
}
"#;

const PROJECT: &str = "cmake_minimum_required(VERSION 3.10)
project(uses_zeromq C)
find_package(ZeroMQ 4.3 REQUIRED)
add_executable(shared program.c)
target_link_libraries(shared libzmq)
add_executable(static program.c)
target_link_libraries(static libzmq-static)
";

/// Installs into the target folder, moves that tree, and builds C programs against it as their makers would.
pub(crate) fn check() -> Result<()> {
    let folder = shell::target().join("install-check");
    // What the last check has left.
    let _ = std::fs::remove_dir_all(&folder);
    install(&folder.join("made"))?;
    let prefix = folder.join("prefix");
    std::fs::rename(folder.join("made"), &prefix).map_err(|error| error.to_string())?;
    write(&folder.join("program.c"), PROGRAM)?;
    write(&folder.join("CMakeLists.txt"), PROJECT)?;
    let lib = prefix.join("lib");
    for (name, words) in
        [("shared", &["--cflags", "--libs"][..]), ("static", &["--cflags", "--libs", "--static"])]
    {
        let mut ask = Command::new("pkg-config");
        ask.env("PKG_CONFIG_PATH", lib.join("pkgconfig")).args(words).arg("libzmq = 4.3.5");
        let mut flags = shell::output(&mut ask)?;
        if name == "static" {
            // The linker takes the shared one where there is a choice.
            flags = flags.replace("-lzmq", "-l:libzmq.a");
        }
        let mut compile = Command::new("cc");
        compile.current_dir(&folder).args(["-Wall", "-Werror", "-o", name, "program.c"]);
        shell::run(compile.args(flags.split_whitespace()))?;
        run_program(&folder, name, &lib)?;
    }
    let build = folder.join("build");
    let mut configure = Command::new("cmake");
    configure.arg("-S").arg(&folder).arg("-B").arg(&build);
    shell::output(configure.arg(format!("-DCMAKE_PREFIX_PATH={}", prefix.display())))?;
    shell::output(Command::new("cmake").arg("--build").arg(&build))?;
    run_program(&build, "shared", &lib)?;
    run_program(&build, "static", &lib)?;
    println!("built and run through pkg-config and CMake, shared and static");
    Ok(())
}

fn run_program(folder: &Path, name: &str, lib: &Path) -> Result<()> {
    let program: PathBuf = folder.join(name);
    let mut command = Command::new(&program);
    if name == "shared" {
        command.env("LD_LIBRARY_PATH", lib);
    }
    shell::run(&mut command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_name_no_folder() {
        for text in [pkg_config(), cmake_config(), cmake_version()] {
            assert!(!text.contains("{{") && !text.contains(shell::root().to_str().unwrap()), "{text}");
        }
        assert!(pkg_config().contains("prefix=${pcfiledir}/../.."));
    }
}
