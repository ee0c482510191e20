//! The report's page in a real browser, at a desktop's and a phone's width.
//!
//! Method: a small report is made; a script is added to a copy of its page, which measures the page after layout and writes
//! down what it found; a headless Chromium opens that and prints the document. Without a browser the test says that it was
//! skipped. With `NETZMQ_SCREENSHOTS=DIR` it leaves pictures there, to be looked at.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

/// Writes what a reader would stumble over into the page, as JSON.
const SCRIPT: &str = r#"<script>
const wide = document.documentElement.clientWidth, found = { wide, page: document.documentElement.scrollWidth };
const name = text => text.textContent.trim();
const apart = (a, b) => a.right <= b.left + 1 || b.right <= a.left + 1 || a.bottom <= b.top + 1 || b.bottom <= a.top + 1;
found.figures = []; found.clipped = []; found.overlaps = []; found.small = []; found.empty = [];
for (const svg of document.querySelectorAll("figure > svg")) {
  const frame = svg.getBoundingClientRect(), title = name(svg.closest("figure").querySelector("h3"));
  found.figures.push({ title, left: frame.left, right: frame.right, width: frame.width, height: frame.height });
  if (svg.querySelectorAll(".point, .bar, .line").length == 0) found.empty.push(title);
  const texts = [...svg.querySelectorAll("text")].map(text => [name(text), text.getBoundingClientRect()]);
  texts.forEach(([text, box], at) => {
    if (box.left < frame.left - 2 || box.right > frame.right + 2 || box.top < frame.top - 2 || box.bottom > frame.bottom + 2)
      found.clipped.push(title + ": " + text);
    if (box.height < 9) found.small.push(title + ": " + text + " " + box.height);
    for (const [other, its] of texts.slice(at + 1)) if (!apart(box, its)) found.overlaps.push(title + ": " + text + " / " + other);
  });
}
found.outside = [...document.querySelectorAll("h1, h2, h3, p, dl, .scroll, .legend, .key")]
  .filter(e => e.getBoundingClientRect().right > wide + 1).map(name);
found.tables = document.querySelectorAll("table").length;
found.rows = Math.min(...[...document.querySelectorAll("table")].map(table => table.rows.length));
const pre = document.createElement("pre"); pre.id = "found"; pre.textContent = JSON.stringify(found); document.body.append(pre);
</script>
</body>"#;

fn browser() -> Option<&'static str> {
    ["chromium", "chromium-browser", "google-chrome"].into_iter().find(|name| {
        let version =
            Command::new(name).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        version.is_ok_and(|status| status.success())
    })
}

/// Opens a file; returns what the browser prints.
fn open(browser: &str, page: &Path, width: u32, words: &[&str]) -> String {
    let profile = tempfile::tempdir().unwrap();
    let mut command = Command::new(browser);
    command.args(["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run"]);
    command.arg(format!("--user-data-dir={}", profile.path().display()));
    command.arg(format!("--window-size={width},1000")).args(words);
    let output = command.arg(format!("file://{}", page.display())).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn the_page_is_right_on_a_desktop_and_on_a_phone() {
    let Some(browser) = browser() else {
        println!("SKIPPED: no chromium here, so nobody has looked at the report's page");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let made = Command::new(env!("CARGO_BIN_EXE_netzmq"))
        .args(["bench", "memory", "--quick", "--runs", "3", "--messages", "200", "--report"])
        .arg(folder.path())
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let page = std::fs::read_to_string(folder.path().join("index.html")).unwrap();
    let measured = folder.path().join("measured.html");
    std::fs::write(&measured, page.replace("</body>", SCRIPT)).unwrap();

    for (device, width) in [("desktop", 1280), ("phone", 390)] {
        // A window has a least width that may be more than a phone's: a frame has none.
        let frame = folder.path().join(format!("{device}.html"));
        let html = |of: &str| {
            format!(
                "<body style='margin:0'><iframe src='{of}' style='border:0;width:{width}px;height:9000px'></iframe>"
            )
        };
        std::fs::write(&frame, html("index.html")).unwrap();
        if let Some(screenshots) = std::env::var_os("NETZMQ_SCREENSHOTS") {
            let picture = Path::new(&screenshots).join(format!("{device}.png"));
            let shot = format!("--screenshot={}", picture.display());
            open(
                browser,
                &frame,
                width.max(500),
                &[&shot, &format!("--window-size={},6500", width.max(500))],
            );
        }
        std::fs::write(
            &frame,
            html("measured.html").replace(
                "<iframe",
                "<script>onmessage=e=>{let p=document.createElement('pre');p.id='found';p.textContent=e.data;document.body.append(p)}</script><iframe",
            ),
        )
        .unwrap();
        let script = SCRIPT.replace(
            "document.body.append(pre);",
            "document.body.append(pre); parent.postMessage(pre.textContent, '*');",
        );
        std::fs::write(&measured, page.replace("</body>", &script)).unwrap();
        let printed = open(browser, &frame, width.max(500), &["--virtual-time-budget=5000", "--dump-dom"]);
        let found = printed.split_once("<pre id=\"found\">").and_then(|(_, rest)| rest.split_once("</pre>"));
        let found = found.unwrap_or_else(|| panic!("the page's script has not run:\n{printed}")).0;
        let found: Value = serde_json::from_str(&found.replace("&amp;", "&").replace("&lt;", "<")).unwrap();

        assert_eq!(found["wide"], width, "{device}");
        assert_eq!(found["page"], width, "{device}: the page is wider than the screen: {}", found["outside"]);
        for wrong in ["outside", "clipped", "overlaps", "small", "empty"] {
            assert_eq!(found[wrong].as_array().map(Vec::len), Some(0), "{device}: {wrong}: {}", found[wrong]);
        }
        let figures = found["figures"].as_array().unwrap();
        assert_eq!(figures.len(), 6 + usize::from(cfg!(feature = "peers")));
        for figure in figures {
            let number = |field: &str| figure[field].as_f64().unwrap();
            assert!(number("width") > 280.0 && number("height") > 180.0, "{device}: {figure}");
            assert!(number("left") >= 0.0 && number("right") <= f64::from(width), "{device}: {figure}");
        }
        assert!(found["tables"].as_u64().unwrap() >= 9 && found["rows"].as_u64().unwrap() >= 4, "{found}");
    }
}
