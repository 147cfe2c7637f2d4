//! The statistics page in a real browser: it follows what changes, works by keyboard and on a
//! phone, and can be read.

use e2e::browser::{self, Browser};
use e2e::engine::{Container, Engine};
use e2e::ports::Reservation;
use e2e::scenario::application::Application;
use e2e::scenario::balancer::{Balancer, DEFAULTS};
use e2e::scenario::wait_until;
use serde_json::Value;
use std::path::Path;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(60);
const DESK: (u32, u32) = (1280, 800);
const PHONE: (u32, u32) = (375, 812);
/// Where pictures go, when they are wanted.
const PICTURES: &str = "EVENKEEL_PICTURES";

/// A balancer with a page, servers of a file in many states, and containers.
struct World {
    balancer: Balancer,
    engine: Engine,
    application: Application,
    browser: Browser,
    /// The configuration.
    text: String,
    _listen: Reservation,
}

impl World {
    /// `None`, and a word about it, where there is no browser.
    fn start() -> Option<Self> {
        if let Err(why) = browser::found() {
            eprintln!("skipped: {why}");
            return None;
        }
        let application = Application::start("app", Duration::ZERO).expect("loopback");
        let engine = Engine::start();
        let listen = Reservation::new().expect("a port");
        let more = [format!("--docker={}", engine.host()), format!("--listen={}", listen.address)];
        let server = application.address;
        let free = Reservation::new().expect("a port").address;
        let text = |address| {
            format!(
                "{DEFAULTS}frontend site\n    bind {address}\n    stats uri /stats\n    \
                 stats refresh 1s\n    stats admin if TRUE\n    \
                 default_backend shop\n\
                 backend shop\n    server steady {server} check inter 200ms weight 20\n    \
                 server closed {free} check inter 200ms fall 1\n    \
                 server spare {server} backup\n    server resting {server} disabled\n"
            )
        };
        let balancer = Balancer::start_with(&more, text).unwrap();
        let text = text(balancer.address);
        let browser = Browser::start().unwrap();
        browser.surround(DESK, false).unwrap();
        let world = Self { balancer, engine, application, browser, text, _listen: listen };
        world.container(0);
        Some(world)
    }

    fn id(number: usize) -> String {
        format!("{:012x}{}", 0x3f9a_1c00_0000_u64 + number as u64 * 0x1_0001, "e5".repeat(26))
    }

    /// A replica more.
    fn container(&self, number: usize) {
        let mut container = Container::new(&Self::id(number));
        container.name = format!("api-{}", number + 1);
        let container = container
            .at(self.application.address)
            .label("com.docker.compose.project", "shop")
            .label("com.docker.compose.service", "api")
            .label("evenkeel.host", "api.test");
        self.engine.run(container);
    }

    /// A replica less.
    fn gone(&self, number: usize) {
        self.engine.remove(&Self::id(number));
        self.engine.event(&Self::id(number), "destroy", "");
    }

    fn open(&self, options: &str) {
        let url = format!("http://{}/stats{options}", self.balancer.address);
        self.browser.open(&url).unwrap();
    }

    fn run(&self, script: &str) -> Value {
        self.browser.run(script).unwrap()
    }

    /// Waits until a script returns this.
    fn until(&self, script: &str, wanted: &Value) {
        let mut seen = Value::Null;
        let holds = wait_until(SOON, || {
            seen = self.run(script);
            seen == *wanted
        });
        assert!(holds, "{script}: {seen}, not {wanted}\n{}", self.balancer.process.stderr());
    }

    /// A picture of what is seen, where pictures are wanted.
    fn picture(&self, name: &str) {
        let Some(folder) = std::env::var_os(PICTURES) else { return };
        let picture = self.browser.picture().unwrap();
        let file = Path::new(&folder).join(format!("{name}.base64"));
        std::fs::write(file, picture).expect("a folder for pictures");
    }
}

/// The names of the servers that are shown as containers.
const CONTAINERS: &str = "return [...document.querySelectorAll('.proxy tbody tr')]
    .filter(r => /docker [0-9a-f]{12}/.test(r.textContent)).length";

#[test]
fn the_page_follows_replicas_from_1_to_20_and_back_without_a_reload() {
    let Some(world) = World::start() else { return };
    world.open("");
    world.until(CONTAINERS, &1.into());
    world.run("window.same = true; document.querySelector('#filter').focus()");
    for number in 1..20 {
        world.container(number);
    }
    world.until(CONTAINERS, &20.into());
    world.picture("statistics-many");
    // Why, since when, in which generation: all of it is there as text.
    let text = world.run("return document.body.innerText");
    let text = text.as_str().unwrap_or_default();
    let id = &World::id(19)[..12];
    for words in [id, "disabled in the configuration", "L4CON", "generation", "seen by docker"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    // Figures are live, too.
    let total = "return document.querySelector('[data-name=site] [data-name=FRONTEND] \
                 [data-label=Total]').dataset.sort";
    let before: u64 = world.run(total).as_str().unwrap_or_default().parse().expect("a number");
    for _ in 0..50 {
        assert_eq!(world.balancer.name(), "app");
    }
    let grown = wait_until(SOON, || {
        let now = world.run(total).as_str().and_then(|n| n.parse::<u64>().ok());
        now.is_some_and(|now| now >= before + 50)
    });
    assert!(grown, "{total}");
    for number in 1..20 {
        world.gone(number);
    }
    world.until(CONTAINERS, &1.into());
    assert_eq!(world.run("return window.same"), true, "the page was loaded anew");
    assert_eq!(world.run("return document.activeElement.id"), "filter", "the keyboard moved");
    let changes = world.run("return document.querySelectorAll('.changes li').length");
    assert_eq!(changes, 10, "the last changes follow");
    world.open(";changes");
    let all = world.run("return document.querySelectorAll('.changes li').length");
    assert!(all.as_u64().is_some_and(|n| n > 10), "{all}");
}

#[test]
fn without_scripts_the_page_is_complete() {
    let Some(world) = World::start() else { return };
    let off = serde_json::json!({ "value": true });
    world.browser.devtools("Emulation.setScriptExecutionDisabled", &off).unwrap();
    world.open("");
    world.until(CONTAINERS, &1.into());
    assert_eq!(world.run("return document.documentElement.className"), "", "a script ran");
    // Nothing is shown that needs one, and everybody gets new figures.
    assert_eq!(world.run("return document.querySelectorAll('th button').length"), 0);
    let shown = "return [...document.querySelectorAll('.only-script')]
        .filter(e => getComputedStyle(e).display !== 'none').length";
    assert_eq!(world.run(shown), 0);
    let refresh = "return document.querySelector('noscript meta[http-equiv=refresh]')?.content";
    assert_eq!(world.run(refresh), "1");
    // Taking a server out needs no script either.
    world.browser.click(&world.browser.one("input[name=s][value=steady]").unwrap()).unwrap();
    let action = "[data-name=shop] option[value=drain]";
    world.browser.click(&world.browser.one(action).unwrap()).unwrap();
    world.browser.click(&world.browser.one("[data-name=shop] form > div button").unwrap()).unwrap();
    world.until("return document.querySelector('.note').textContent", &"Done.".into());
    assert_eq!(world.balancer.statistic("shop", "steady", "status").as_deref(), Some("DRAIN"));
    let why = world.run("return document.querySelector('[data-name=steady]').textContent");
    assert!(why.as_str().is_some_and(|t| t.contains("drained by an operator")), "{why}");
}

/// The names of the servers of `shop`, as they are shown.
const SHOP: &str = "return [...document.querySelectorAll('[data-name=shop] tbody tr')]
    .filter(r => !r.hidden && r.offsetHeight).map(r => r.dataset.name).join(' ')";

#[test]
fn rows_are_sorted_and_filtered_by_keyboard() {
    let Some(world) = World::start() else { return };
    world.open("");
    world.until(CONTAINERS, &1.into());
    let shows = |names: &str| world.until(SHOP, &names.into());
    shows("steady closed spare resting BACKEND");
    let weight = "[data-name=shop] th:nth-child(4) button";
    world.run(&format!("document.querySelector('{weight}').focus()"));
    world.browser.press("\u{e006}").unwrap();
    shows("steady closed spare resting BACKEND");
    let head = "return document.querySelector('[data-name=shop] th:nth-child(4)').ariaSort";
    assert_eq!(world.run(head), "descending");
    world.browser.press(" ").unwrap();
    shows("closed spare resting steady BACKEND");
    assert_eq!(world.run(head), "ascending");
    // It stays so while figures come, and the keyboard stays where it is.
    world.run(
        "document.querySelector('[data-name=shop] tbody').dataset.seen = 1; window.n = 0;
        new MutationObserver(() => window.n++).observe(document.querySelector('header'),
        { childList: true, subtree: true })",
    );
    let twice = wait_until(SOON, || world.run("return window.n >= 2") == true);
    assert!(twice, "figures do not come");
    shows("closed spare resting steady BACKEND");
    assert_eq!(world.run(&format!("return document.activeElement.matches('{weight}')")), true);
    // By name, from the list for those who see no heads.
    world.browser.click(&world.browser.one("#sort option[value='0']").unwrap()).unwrap();
    shows("closed resting spare steady BACKEND");
    world.browser.click(&world.browser.one("#sort option[value='']").unwrap()).unwrap();
    shows("steady closed spare resting BACKEND");
    world.run("document.querySelector('#filter').focus()");
    world.browser.press("refused").unwrap();
    shows("closed");
    let said = "return document.querySelector('#said').textContent";
    assert_eq!(world.run(said), "1 rows");
}

/// Everything that can be used and is seen, marked with a number.
const CONTROLS: &str = "return [...document.querySelectorAll('a[href],button,input,select,summary,\
    [tabindex=\"0\"]')].filter(e => e.type !== 'hidden' && e.checkVisibility())
    .map((e, n) => { e.dataset.n = n; return n; }).length";

#[test]
fn the_keyboard_reaches_everything_and_everything_has_a_name() {
    let Some(world) = World::start() else { return };
    world.open(";norefresh");
    world.until(CONTAINERS, &1.into());
    let count = world.run(CONTROLS).as_u64().expect("a number");
    assert!(count > 40, "{count}");
    world.run(
        "window.reached = {}; document.addEventListener('focusin', e => {
        const style = getComputedStyle(e.target);
        const wide = parseFloat(style.outlineWidth);
        window.reached[e.target.dataset.n] = style.outlineStyle + ' ' + wide;
    })",
    );
    let tabs = "\u{e004}".repeat(usize::try_from(count).expect("few") + 1);
    world.browser.press(&tabs).unwrap();
    let reached = world.run("return window.reached");
    let reached = reached.as_object().expect("an object");
    for number in 0..count {
        let control = world.run(&format!(
            "return document.querySelector('[data-n=\"{number}\"]').outerHTML.slice(0, 200)"
        ));
        let focus = reached.get(&number.to_string());
        let focus = focus.unwrap_or_else(|| panic!("not reached: {control}"));
        assert_eq!(*focus, "solid 3", "the keyboard is not seen on {control}");
    }
    let mut roles = std::collections::BTreeMap::<String, usize>::new();
    for element in world.browser.all("[data-n]").unwrap() {
        let (role, name) = world.browser.spoken(&element).unwrap();
        assert!(!name.trim().is_empty(), "a {role} without a name");
        *roles.entry(role).or_default() += 1;
    }
    for role in ["button", "checkbox", "combobox", "link", "region", "searchbox"] {
        assert!(roles.contains_key(role), "no {role} among {roles:?}");
    }
    let spoken = |selector: &str| {
        let element = world.browser.one(selector).unwrap();
        let (role, name) = world.browser.spoken(&element).unwrap();
        format!("{role} {name}")
    };
    assert_eq!(spoken("#filter"), "searchbox Filter");
    assert_eq!(spoken("input[value=steady]"), "checkbox steady");
    assert_eq!(spoken("[data-name=shop]"), "region shop");
    assert_eq!(spoken("nav"), "navigation Other forms");
    let row = spoken("[data-name=shop] tbody th");
    assert!(row.replace("  ", " ").starts_with("rowheader steady"), "{row}");
}

/// Texts whose contrast is less than WCAG 2 asks for (AA: 4.5, controls' edges 3).
const PALE: &str = r"
const parse = c => (c.match(/[\d.]+/g) || []).map(Number);
const light = c => c.slice(0, 3).map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, n) => sum + v * [0.2126, 0.7152, 0.0722][n], 0);
const ratio = (a, b) => {
    const [x, y] = [light(a), light(b)].sort((p, q) => q - p);
    return (x + 0.05) / (y + 0.05);
};
const ground = e => {
    for (; e; e = e.parentElement) {
        const c = parse(getComputedStyle(e).backgroundColor);
        if (c.length && (c.length < 4 || c[3] === 1)) return c;
        if (c.length === 4 && c[3] > 0) throw new Error('translucent');
    }
    return [255, 255, 255];
};
const bad = [];
let seen = 0;
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
    const e = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !e.checkVisibility()) continue;
    seen += 1;
    const found = ratio(parse(getComputedStyle(e).color), ground(e));
    if (found < 4.5) bad.push(walker.currentNode.data.trim() + ': ' + found.toFixed(2));
}
for (const e of document.querySelectorAll('input[type=search],select,form > div button')) {
    const found = ratio(parse(getComputedStyle(e).borderTopColor), ground(e.parentElement));
    if (found < 3) bad.push('edge of ' + e.outerHTML.slice(0, 60) + ': ' + found.toFixed(2));
}
return seen < 100 ? ['only ' + seen + ' texts'] : bad";

#[test]
fn every_text_can_be_read_by_day_and_by_night() {
    let Some(world) = World::start() else { return };
    for number in 1..5 {
        world.container(number);
    }
    world.balancer.runtime("set server shop/steady state drain").unwrap();
    std::fs::write(&world.balancer.file, "frontend nonsense\n  bindd :1\n").expect("our file");
    let refused = || world.balancer.process.stderr().contains("what ran before goes on");
    assert!(wait_until(SOON, refused), "{}", world.balancer.process.stderr());
    for (dark, name) in [(false, "statistics-light"), (true, "statistics-dark")] {
        world.browser.surround(DESK, dark).unwrap();
        world.open("");
        world.until(CONTAINERS, &5.into());
        assert_eq!(world.run("return !!document.querySelector('.bad')"), true, "why it is refused");
        // Rows that have just come are still coloured.
        world.run("for (const a of document.getAnimations()) a.finish()");
        assert_eq!(world.run(PALE), serde_json::json!([]), "{name}");
    }
    // What is mended is mended on a page that is open, too.
    world.balancer.save(&world.text);
    world.until("return !document.querySelector('.bad')", &true.into());
    for (dark, name) in [(false, "statistics-light"), (true, "statistics-dark")] {
        world.browser.surround(DESK, dark).unwrap();
        world.open("");
        world.until(CONTAINERS, &5.into());
        world.picture(name);
    }
}

#[test]
fn a_phone_shows_everything_without_moving_sideways() {
    let Some(world) = World::start() else { return };
    world.browser.surround(PHONE, true).unwrap();
    world.open("");
    world.until(CONTAINERS, &1.into());
    let wide = "return [...document.querySelectorAll('html, body *')].filter(e =>
        e.scrollWidth > e.clientWidth + 1 && e.clientWidth && e.checkVisibility() &&
        !['inline', 'inline-block'].includes(getComputedStyle(e).display))
        .map(e => e.outerHTML.slice(0, 80) + ' ' + e.scrollWidth + ' ' + e.clientWidth)";
    assert_eq!(world.run("return innerWidth"), PHONE.0);
    assert_eq!(world.run(wide), serde_json::json!([]));
    world.run("document.querySelector('#p3').scrollIntoView()");
    world.picture("statistics-phone-dark");
    // Tables stay tables for those who listen.
    for (selector, role) in
        [("table", "table"), ("tbody tr", "row"), ("tbody th", "rowheader"), ("tbody td", "cell")]
    {
        let element = world.browser.one(&format!("[data-name=shop] {selector}")).unwrap();
        assert_eq!(world.browser.spoken(&element).unwrap().0, role, "{selector}");
    }
    assert_eq!(world.run(PALE), serde_json::json!([]));
}
