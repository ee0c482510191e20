//! The HTML page: one file that needs nothing else, and no script.

use std::fmt::Write;

use super::Findings;
use super::chart::escape;
use super::plots::{self, Figure};
use crate::bench::table::{Mark, Table};
use crate::bench::units;

/// The page as text.
pub(crate) fn html(findings: &Findings<'_>) -> String {
    let mut page = String::with_capacity(128 * 1024);
    let _ = write!(
        page,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>netzmq: message memory, measured</title>\n<style>\n{}</style>\n</head>\n<body>\n<main>\n",
        include_str!("style.css")
    );
    head(&mut page, findings);
    advice(&mut page, findings);
    page += "<h2>Pictures</h2>\n<div class=\"figures\">\n";
    let (memory, copy) = (&findings.memory[..], findings.copy);
    let mut shown = vec![
        plots::time(memory),
        plots::ratio(memory),
        plots::allocations(memory),
        plots::hit_rate(memory),
        plots::resident(findings.resident, findings.starts),
        plots::crossing(copy),
    ];
    if memory.iter().any(|record| record.ratio_to_libzmq.is_some()) {
        shown.insert(2, plots::libzmq(memory));
    }
    for shown in shown {
        figure(&mut page, &shown);
    }
    page += "</div>\n<h2>Tables</h2>\n";
    let _ = writeln!(
        page,
        "<p>Green is the fastest of its size, red more than 5 % slower than ByteArray. Allocations and bytes are those of \
         both sides together.</p>"
    );
    for shown in &findings.tables {
        table(&mut page, shown, "");
    }
    page += "<h2>What the strategies are</h2>\n<dl class=\"facts\">\n";
    for (name, what) in super::STRATEGIES {
        let _ = writeln!(page, "<dt>{}</dt><dd>{}</dd>", escape(name), escape(what));
    }
    let _ = write!(
        page,
        "</dl>\n<footer>Made by <code>{}</code>, {}.</footer>\n</main>\n</body>\n</html>\n",
        escape(&findings.command),
        escape(&findings.date)
    );
    page
}

fn head(page: &mut String, findings: &Findings<'_>) {
    let machine = &findings.machine;
    let _ = writeln!(
        page,
        "<h1>What message memory costs on this machine</h1>\n\
         <p class=\"lead\">Two ROUTER sockets over TCP on the loopback interface, two-part messages, no high-water marks; one \
         thread sends, another receives and checks every message. Six ways to hold the bytes take turns.</p>"
    );
    if !machine.optimised {
        page.push_str("<p class=\"warning\">This build is not optimised: its numbers mean nothing.</p>\n");
    }
    page.push_str("<dl class=\"facts\">\n");
    for (name, value) in findings.facts() {
        let value = escape(&value);
        let value = if name == "Command" { format!("<code>{value}</code>") } else { value };
        let _ = writeln!(page, "<dt>{name}</dt><dd>{value}</dd>");
    }
    page.push_str("</dl>\n");
}

fn advice(page: &mut String, findings: &Findings<'_>) {
    let _ = writeln!(
        page,
        "<h2>What to take</h2>\n<p>Computed from the tables below: {}</p>\n<div class=\"scroll\"><table class=\"advice\">\n\
         <tr><th>size</th><th>take</th><th>why</th></tr>",
        escape(super::RULE)
    );
    for advice in &findings.advice {
        let _ = writeln!(
            page,
            "<tr><td>{}</td><td>{}</td><td>{}</td></tr>",
            units::size(advice.size),
            escape(advice.take),
            escape(&advice.why)
        );
    }
    page.push_str("</table></div>\n");
}

fn figure(page: &mut String, figure: &Figure) {
    let _ = writeln!(
        page,
        "<figure>\n<figcaption><h3>{}</h3><p>{}</p></figcaption>\n<div class=\"legend\">{}</div>\n{}\n</figure>",
        escape(figure.title),
        escape(&figure.text),
        figure.legend,
        figure.svg
    );
}

fn table(page: &mut String, table: &Table, class: &str) {
    let _ = write!(
        page,
        "<h3>{}</h3>\n<div class=\"scroll\"><table class=\"{class}\">\n<tr>",
        escape(&table.title)
    );
    for name in table.header() {
        let _ = write!(page, "<th>{}</th>", escape(name));
    }
    page.push_str("</tr>\n");
    for row in table.rows() {
        page.push_str("<tr>");
        for cell in row {
            let class = match cell.mark {
                Mark::None => "",
                Mark::Best => " class=\"best\"",
                Mark::Worse => " class=\"worse\"",
                Mark::Faint => " class=\"faint\"",
            };
            let _ = write!(page, "<td{class}>{}</td>", escape(&cell.text));
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</table></div>\n");
}
