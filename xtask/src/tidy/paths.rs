//! Paths inside the repository: relative, with forward slashes, as git prints them.

/// The folder of a path, `""` at the root.
pub(crate) fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The last part of a path.
pub(crate) fn name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

/// `inner` seen from `folder`, with `.` and `..` resolved. A way out of the repository stays visible as `..`.
pub(crate) fn join(folder: &str, inner: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(inner.split('/')) {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// What is left of `path` inside `folder`, if it is in there.
pub(crate) fn inside<'a>(path: &'a str, folder: &str) -> Option<&'a str> {
    if folder.is_empty() { Some(path) } else { path.strip_prefix(folder)?.strip_prefix('/') }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_paths() {
        assert_eq!((folder("a/b/c.rs"), name("a/b/c.rs"), folder("x")), ("a/b", "c.rs", ""));
        assert_eq!(join("a/b", "../c/./d"), "a/c/d");
        assert_eq!(join("a", "../../x"), "../x");
        assert_eq!(join("", "x"), "x");
        assert_eq!(inside("a/b/c", "a/b"), Some("c"));
        assert_eq!(inside("a/bb/c", "a/b"), None);
        assert_eq!(inside("a", ""), Some("a"));
    }
}
