//! What sites publish for machines that follow them: RSS, Atom, sitemaps.
//!
//! **Not here:** other XML (`xml`).

use roxmltree::Node;
use serde_json::{Map, Value, json};
use url::Url;

use super::{escaped, in_line, xml};
use crate::{Page, markdown, page};

/// Entries that are read; more are left out.
const ENTRIES_MAX: usize = 50_000;

/// A feed or a sitemap.
pub(crate) struct Feed {
    title: Option<String>,
    about: Option<String>,
    url: Option<String>,
    language: Option<String>,
    entries: Vec<Entry>,
    /// Entries are nothing but addresses.
    sitemap: bool,
}

#[derive(Default)]
struct Entry {
    title: Option<String>,
    url: Option<String>,
    date: Option<String>,
    author: Option<String>,
    summary: Option<String>,
}

/// Reads the text when it is a feed or a sitemap.
pub(crate) fn read(text: &str, base: &Url) -> Option<Feed> {
    let document = xml::parse(text)?;
    let root = document.root_element();
    let of = |name: &'static str| {
        root.descendants().filter(move |node| node.has_tag_name_of(name)).take(ENTRIES_MAX)
    };
    let sitemap = |name: &'static str| Feed {
        title: None,
        about: None,
        url: None,
        language: None,
        entries: of(name).map(|node| address(node, base)).collect(),
        sitemap: true,
    };
    match root.tag_name().name() {
        "urlset" => Some(sitemap("url")),
        "sitemapindex" => Some(sitemap("sitemap")),
        "rss" | "RDF" => {
            let channel = root.children().find(|node| node.has_tag_name_of("channel"))?;
            Some(whole(channel, of("item").map(|node| entry(node, base)).collect(), base))
        }
        "feed" => Some(whole(root, of("entry").map(|node| entry(node, base)).collect(), base)),
        _ => None,
    }
}

/// Names without regard to namespaces, which feeds spell as they like.
trait Named {
    fn has_tag_name_of(&self, name: &str) -> bool;
}

impl Named for Node<'_, '_> {
    fn has_tag_name_of(&self, name: &str) -> bool {
        self.is_element() && self.tag_name().name() == name
    }
}

fn whole(node: Node<'_, '_>, entries: Vec<Entry>, base: &Url) -> Feed {
    Feed {
        title: text_of(node, &["title"]),
        about: text_of(node, &["description", "subtitle"]),
        url: link(node, base),
        language: text_of(node, &["language"])
            .or_else(|| node.attributes().find(|a| a.name() == "lang").map(|a| a.value().to_owned())),
        entries,
        sitemap: false,
    }
}

fn address(node: Node<'_, '_>, base: &Url) -> Entry {
    let url = text_of(node, &["loc"]).and_then(|text| page::absolute(base, &text));
    Entry { url, date: text_of(node, &["lastmod"]), ..Entry::default() }
}

fn entry(node: Node<'_, '_>, base: &Url) -> Entry {
    let author = node.children().find(|child| child.has_tag_name_of("author"));
    let name = author.and_then(|author| text_of(author, &["name"]));
    let summary = ["encoded", "content", "description", "summary"]
        .iter()
        .find_map(|name| node.children().find(|child| child.has_tag_name_of(name)).and_then(whole_text));
    Entry {
        title: text_of(node, &["title"]).map(|title| plain(&title, base)),
        url: link(node, base),
        date: text_of(node, &["published", "pubDate", "date", "updated"]).map(iso),
        author: name.or_else(|| text_of(node, &["author", "creator"])),
        summary: summary.map(|html| prose(&html, base)).filter(|text| !text.is_empty()),
    }
}

/// The address of what is described, not of the description.
fn link(node: Node<'_, '_>, base: &Url) -> Option<String> {
    let mut links = node.children().filter(|child| child.has_tag_name_of("link"));
    let best = links.clone().find(|link| {
        link.attribute("href").is_none() && link.text().is_some_and(|text| !text.trim().is_empty())
            || link.attribute("rel").is_none_or(|rel| rel == "alternate") && link.attribute("href").is_some()
    });
    let link = best.or_else(|| links.next())?;
    page::absolute(base, link.attribute("href").or(link.text())?)
}

fn text_of(node: Node<'_, '_>, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| {
        let child = node.children().find(|child| child.has_tag_name_of(name))?;
        whole_text(child).map(|text| page::squeeze(&text)).filter(|text| !text.is_empty())
    })
}

/// All text below a node: XHTML in a feed is read for its words.
fn whole_text(node: Node<'_, '_>) -> Option<String> {
    let text: String = node.descendants().filter(Node::is_text).filter_map(|text| text.text()).collect();
    (!text.trim().is_empty()).then_some(text)
}

/// RFC 3339 for the dates of RSS; others stay as they are.
fn iso(date: String) -> String {
    jiff::fmt::rfc2822::parse(&date).map_or(date, |date| date.timestamp().to_string())
}

/// HTML in a feed as Markdown.
fn prose(html: &str, base: &Url) -> String {
    if !html.contains(['<', '&']) {
        return in_line(html);
    }
    let read = markdown::of_page(&Page { html, url: base }, false);
    read.map_or_else(|_| String::new(), |text| text.trim().to_owned())
}

fn plain(html: &str, base: &Url) -> String {
    if !html.contains(['<', '&']) {
        return html.to_owned();
    }
    page::parse(html).map_or_else(|_| base.to_string(), |document| page::text(&document.html_root()))
}

impl Feed {
    pub(crate) fn markdown(&self) -> String {
        if self.sitemap {
            let line = |entry: &Entry| {
                let date = entry.date.as_ref().map(|date| format!(" ({date})")).unwrap_or_default();
                entry.url.as_ref().map(|url| format!("- <{url}>{date}\n")).unwrap_or_default()
            };
            return self.entries.iter().map(line).collect();
        }
        let mut out = String::new();
        if let Some(title) = &self.title {
            out.push_str(&format!("# {}\n\n", in_line(title)));
        }
        if let Some(about) = &self.about {
            out.push_str(&format!("{}\n\n", in_line(about)));
        }
        for entry in &self.entries {
            let title = entry.title.as_ref().or(entry.url.as_ref()).map(|title| in_line(title));
            let title = title.unwrap_or_else(|| "…".to_owned());
            match &entry.url {
                Some(url) => out.push_str(&format!("## [{title}]({url})\n\n")),
                None => out.push_str(&format!("## {title}\n\n")),
            }
            let line: Vec<String> =
                [&entry.date, &entry.author].into_iter().flatten().map(|t| in_line(t)).collect();
            if !line.is_empty() {
                out.push_str(&format!("{}\n\n", line.join(" · ")));
            }
            if let Some(summary) = &entry.summary {
                out.push_str(&format!("{summary}\n\n"));
            }
        }
        format!("{}\n", out.trim_end())
    }

    pub(crate) fn json(&self) -> Value {
        let mut feed = Map::new();
        let fields = [
            ("title", &self.title),
            ("description", &self.about),
            ("url", &self.url),
            ("language", &self.language),
        ];
        put(&mut feed, &fields);
        let entries = self.entries.iter().map(|entry| {
            let mut object = Map::new();
            let fields = [
                ("title", &entry.title),
                ("url", &entry.url),
                ("date", &entry.date),
                ("author", &entry.author),
                ("summary", &entry.summary),
            ];
            put(&mut object, &fields);
            Value::Object(object)
        });
        feed.insert("items".to_owned(), json!(entries.collect::<Vec<_>>()));
        Value::Object(feed)
    }

    /// A page with one article for each entry.
    pub(crate) fn html(&self) -> String {
        let part = |tag: &str, text: &Option<String>| match text {
            Some(text) => format!("<{tag}>{}</{tag}>", escaped(text)),
            None => String::new(),
        };
        let mut out = format!(
            "<html><head>{}</head><body>{}{}",
            part("title", &self.title),
            part("h1", &self.title),
            part("p", &self.about)
        );
        for entry in &self.entries {
            let href =
                entry.url.as_deref().map(|url| format!(" href=\"{}\"", escaped(url))).unwrap_or_default();
            let title = entry.title.as_deref().or(entry.url.as_deref()).unwrap_or_default();
            let date = entry.date.as_deref().map(escaped);
            let date =
                date.map(|date| format!("<time datetime=\"{date}\">{date}</time>")).unwrap_or_default();
            let author = entry
                .author
                .as_deref()
                .map(|name| format!("<span class=\"author\">{}</span>", escaped(name)));
            out.push_str(&format!(
                "<article class=\"item\"><h2><a{href}>{}</a></h2>{date}{}{}</article>",
                escaped(title),
                author.unwrap_or_default(),
                part("p", &entry.summary)
            ));
        }
        out + "</body></html>"
    }
}

fn put(object: &mut Map<String, Value>, fields: &[(&str, &Option<String>)]) {
    for (name, value) in fields {
        if let Some(value) = value {
            object.insert((*name).to_owned(), Value::from(value.as_str()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base() -> Url {
        Url::parse("https://a.test/feed").unwrap()
    }

    #[test]
    fn rss_is_read_entry_by_entry() {
        let rss = "<rss version='2.0' xmlns:dc='urn:dc'><channel><title>News</title><link>https://a.test/</link><language>en</language>
            <item><title>One &amp; only</title><link>/one</link><pubDate>Sat, 07 Sep 2002 09:42:31 GMT</pubDate>
            <dc:creator>Ann</dc:creator><description><![CDATA[<p>It was <b>big</b>.</p>]]></description></item></channel></rss>";
        let feed = read(rss, &base()).unwrap();
        assert_eq!(
            feed.markdown(),
            "# News\n\n## [One & only](https://a.test/one)\n\n2002-09-07T09:42:31Z · Ann\n\nIt was **big**.\n"
        );
        assert_eq!(feed.json()["items"][0]["url"], "https://a.test/one");
        assert_eq!(feed.json()["language"], "en");
    }

    #[test]
    fn atom_names_the_page_and_not_itself() {
        let atom = "<feed xmlns='http://www.w3.org/2005/Atom' xml:lang='de'><title>T</title><link rel='self' href='/feed'/><link href='/'/>
            <entry><title>E</title><link rel='alternate' href='e.html'/><updated>2024-01-02T03:04:05Z</updated>
            <author><name>Bo</name></author><summary>Short.</summary></entry></feed>";
        let json = read(atom, &base()).unwrap().json();
        assert_eq!((json["url"].as_str(), json["language"].as_str()), (Some("https://a.test/"), Some("de")));
        assert_eq!(
            json["items"][0],
            json!({"title": "E", "url": "https://a.test/e.html", "date": "2024-01-02T03:04:05Z", "author": "Bo", "summary": "Short."})
        );
    }

    #[test]
    fn a_sitemap_is_a_list_of_addresses() {
        let map = "<urlset><url><loc>https://a.test/x</loc><lastmod>2024-05-06</lastmod></url><url><loc>https://a.test/y</loc></url></urlset>";
        let feed = read(map, &base()).unwrap();
        assert_eq!(feed.markdown(), "- <https://a.test/x> (2024-05-06)\n- <https://a.test/y>\n");
        assert!(read("<note/>", &base()).is_none());
    }
}
