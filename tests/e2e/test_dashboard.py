"""The dashboard in a real browser: what it shows, what can be done with it, and by whom."""

import os
import re
import subprocess
import threading
from contextlib import contextmanager

import browser
import pytest
from browser import VIEWS, agree, show, sign_in
from clients import pg_connection
from conftest import Endpoint, config_for, port_of, sluices
from harness import schema, tools
from harness.process import LOOPBACK
from playwright.sync_api import expect

pytestmark = [pytest.mark.proxy_only,
              pytest.mark.skipif(not browser.CHROMIUM, reason="there is no chromium on this machine")]

OPERATOR, VIEWER = "ops", "viewer"
HOSTILE = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"


def configuration(server) -> dict:
    config = config_for(server, extra={"admin": {"dashboard": {"enabled": True}}})
    config["users"] += [{"name": OPERATOR, "password": schema.PASSWORD, "admin": True},
                        {"name": VIEWER, "password": schema.PASSWORD, "admin": "read_only"}]
    return config


@pytest.fixture(scope="module")
def at(server):
    """An Endpoint whose sluice shows a dashboard."""
    its = server("pg15")
    config = configuration(its)
    with sluices() as begin:
        yield Endpoint(its, port_of(config), sluice=begin(config))


@pytest.fixture(scope="module")
def chromium():
    with browser.chromium() as running:
        yield running


@pytest.fixture
def open_page(chromium):
    """open_page(sluice, user, **options): a new page, signed in as the user unless that is ""."""
    contexts, troubles = [], []

    def get(sluice, user=OPERATOR, path="", **options):
        contexts.append(chromium.new_context(**{"viewport": {"width": 1280, "height": 800}, **options}))
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("console", lambda line: "Content Security Policy" in line.text and troubles.append(line.text))
        page.goto(browser.address(sluice) + path)
        if user:
            sign_in(page, user, schema.PASSWORD)
            expect(page.locator("#connection")).to_have_text("live")
        return page

    yield get
    for one in contexts:
        one.close()
    assert not troubles, troubles


@contextmanager
def load(at, clients: int):
    """pgbench with so many clients, until the end of the block."""
    script = at.sluice.folder / "load.sql"
    script.write_text("SELECT pg_sleep(0.002);\n")
    script.chmod(0o644)
    argv = [tools.pg_client("pgbench"), "-n", "-f", script, "-c", clients, "-T", 60,
            "-h", at.host, "-p", at.port, "-U", at.user, at.database]
    running = subprocess.Popen([str(word) for word in argv], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               env={**os.environ, "PGPASSWORD": at.password})
    try:
        yield
    finally:
        running.terminate()
        running.wait()


def tile(page, name: str):
    return page.locator(".tile", has_text=name).locator(".value")


def state_of_pool(page):
    return page.locator("tr", has=page.get_by_text("main", exact=True)).locator("td.state").first


def act_on_pool(page, action: str) -> None:
    page.get_by_role("button", name="Actions for pool main").first.click()
    agree(page, action)


def test_asks_for_a_password_and_then_shows(at, open_page):
    page = open_page(at.sluice, user="")
    sign_in(page, OPERATOR, "wrong")
    expect(page.get_by_role("alert")).to_have_text("Name or password is not right.")
    sign_in(page, schema.APP, schema.PASSWORD)
    expect(page.get_by_role("alert")).to_have_text("This user has no admin right.")
    sign_in(page, OPERATOR, schema.PASSWORD)
    expect(page.get_by_role("heading", name="Pools")).to_be_visible()
    expect(page.locator("#process")).to_contain_text("ready")
    expect(page).to_have_title("Overview · sluice")
    kept = "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])"
    assert page.evaluate(kept) == '[{},{},""]'
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()


def test_follows_what_happens(at, open_page):
    page = open_page(at.sluice)
    with load(at, clients=6):
        expect(tile(page, "Queries per second")).to_have_text(re.compile("[1-9]"))
        expect(tile(page, "Clients")).to_have_text("6")
        expect(tile(page, "Backends in use")).to_have_text(re.compile("[1-4]"))
        latency = page.locator(".chart", has_text="Query latency")
        expect(latency.locator(".legend .value").first).to_contain_text("ms")
        expect(latency.locator(".plot path.main")).to_have_attribute("d", re.compile("M.*L"))
        show(page, "Sessions")
        expect(page.get_by_role("button", name="End session")).to_have_count(6)
        show(page, "Backends")
        expect(page.locator("#health")).to_contain_text("up")
        connections = page.get_by_role("table", name="Backend connections")
        expect(connections.get_by_role("cell", name=f"127.0.0.1:{at.server.port}").first).to_be_visible()
    show(page, "Sessions")
    expect(page.get_by_text("Nobody is connected.")).to_be_visible()


def test_a_moment_that_is_read_stays_read(at, open_page):
    page = open_page(at.sluice)
    chart = page.locator(".chart").first
    line, when = chart.locator(".plot path.main"), chart.locator(".when")
    expect(line).to_have_attribute("d", re.compile("M.*L"))
    chart.locator(".plot").focus()
    page.keyboard.press("ArrowLeft")
    read, drawn = when.text_content(), line.get_attribute("d")
    assert read != "now"
    expect(line).not_to_have_attribute("d", drawn)  # the next answers have come
    expect(when).to_have_text(read)
    page.keyboard.press("Escape")
    expect(when).to_have_text("now")


def test_another_view_of_a_frozen_page_is_not_empty(at, open_page):
    page = open_page(at.sluice)
    page.get_by_role("button", name="Freeze").click()
    expect(page.locator("#connection")).to_have_text("frozen")
    show(page, "Routes")
    expect(page.get_by_role("table", name="Routes")).to_contain_text("main")
    show(page, "Sessions")
    expect(page.get_by_text("Nobody is connected.")).to_be_visible()
    with pg_connection(at):
        page.wait_for_timeout(5000)  # two answers
        expect(page.get_by_text("Nobody is connected.")).to_be_visible()
    page.get_by_role("button", name="Freeze").click()
    expect(page.locator("#connection")).to_have_text("live")


def test_pauses_and_resumes_a_pool(at, open_page):
    page = open_page(at.sluice, path="#pools")
    act_on_pool(page, "Pause")
    agree(page, "Cancel")
    expect(state_of_pool(page)).not_to_contain_text("paused")
    answers = []
    with pg_connection(at) as connection:
        act_on_pool(page, "Pause")
        agree(page, "Pause")
        expect(page.locator("#notes")).to_contain_text("Pool main is being paused.")
        expect(state_of_pool(page)).to_contain_text("paused")
        waiting = threading.Thread(target=lambda: answers.append(connection.execute("SELECT 7").fetchone()[0]))
        waiting.start()
        show(page, "Sessions")
        expect(page.locator("td.state")).to_contain_text("waiting")
        assert not answers
        show(page, "Pools")
        act_on_pool(page, "Resume")
        agree(page, "Resume")
        expect(state_of_pool(page)).not_to_contain_text("paused")
        waiting.join(10)
    assert answers == [7]
    show(page, "Events")
    expect(page.locator("tr", has_text="pause").first).to_contain_text(OPERATOR)


def test_ends_a_session(at, open_page):
    page = open_page(at.sluice, path="#sessions")
    with pg_connection(at, application_name="to be ended") as connection:
        row = page.get_by_role("row", name="to be ended")
        row.get_by_role("button").click()
        agree(page, "End session")
        expect(row).to_have_count(0)
        with pytest.raises(Exception, match="operator has ended"):
            connection.execute("SELECT 1")


def test_who_may_only_read_sees_no_buttons(at, open_page):
    page = open_page(at.sluice, user=VIEWER)
    expect(page.locator("#user")).to_have_text(f"{VIEWER} read only")
    with pg_connection(at, application_name="watched"):
        show(page, "Sessions")
        expect(page.get_by_role("row", name="watched")).to_be_visible()
        expect(page.get_by_role("button", name="End session")).to_have_count(0)
    show(page, "Pools")
    expect(page.get_by_role("table", name="Pools")).to_be_visible()
    expect(page.get_by_role("button", name="Actions")).to_have_count(0)
    expect(page.get_by_role("button", name="Process")).to_be_hidden()


def test_searches_sessions(at, open_page):
    page = open_page(at.sluice, path="#sessions")
    with pg_connection(at, application_name="shop worker"), pg_connection(at, application_name="report"), \
            pg_connection(at, application_name="pinned one") as pinned:
        pinned.execute("CREATE TEMPORARY TABLE mine (id int)")
        rows = page.get_by_role("table", name="Sessions").locator("tbody tr")
        expect(rows).to_have_count(3)
        page.keyboard.press("/")
        page.keyboard.type("WORK shop")
        expect(rows).to_have_count(1)
        expect(rows).to_contain_text("shop worker")
        expect(page.locator(".found")).to_have_text("1 of 3")
        page.get_by_role("searchbox").fill("pin:temporary")
        expect(rows).to_contain_text("pinned one")
        page.get_by_role("searchbox").fill("nobody at all")
        expect(page.get_by_text("No session fits.")).to_be_visible()
        page.keyboard.press("Escape")
        expect(rows).to_have_count(3)
        page.get_by_role("button", name="pinned", exact=True).click()
        expect(rows).to_have_count(1)


def test_names_of_clients_stay_text(at, open_page):
    page = open_page(at.sluice, path="#sessions")
    with pg_connection(at, application_name=HOSTILE):
        cell = page.locator("td.who .under")
        expect(cell).to_contain_text("<img src=x onerror=")
        assert page.locator("main img, main script").count() == 0
        assert page.title() == "Sessions · sluice"


def test_says_when_the_connection_is_lost_and_goes_on(server, open_page):
    its = server("pg15")
    config = configuration(its)
    with sluices() as begin:
        first = begin(config)
        page = open_page(first)
        first.stop()
        expect(page.locator("#connection")).to_have_text("connection lost")
        expect(page.locator("#banners")).to_contain_text("Connection lost")
        expect(page.get_by_role("table", name="Pools")).to_be_visible()
        config["admin"]["http"] = f"{LOOPBACK}:{first.admin_port}"
        begin(config)
        expect(page.locator("#connection")).to_have_text("live", timeout=15_000)
        expect(page.locator("#banners")).to_be_hidden()


def test_has_pages_for_what_is_not_there(at, open_page):
    page = open_page(at.sluice, user="")
    answer = page.goto(browser.address(at.sluice) + "nowhere")
    assert answer.status == 404
    expect(page.get_by_role("heading")).to_have_text("Nothing is here")
    page.get_by_role("link", name="To the dashboard").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    refused = page.request.post(browser.address(at.sluice), headers={"Accept": "text/html"})
    assert refused.status == 405
    assert refused.headers["allow"] == "GET, HEAD"
    assert "<h1>Not this way</h1>" in refused.text()


def test_light_and_dark(at, open_page):
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    light = open_page(at.sluice, user="", color_scheme="light").evaluate(ground)
    page = open_page(at.sluice, user="", color_scheme="dark")
    dark = page.evaluate(ground)
    assert light != dark
    page.get_by_label("Colours").select_option("light")
    assert page.evaluate(ground) == light
    page.reload()
    assert page.evaluate(ground) == light


def test_fits_a_phone(at, open_page):
    page = open_page(at.sluice, viewport={"width": 360, "height": 740}, has_touch=True)
    with pg_connection(at, application_name="x" * 60):
        for view in VIEWS:
            show(page, view)
            expect(page.locator("main .panel").first).to_be_visible()
            assert page.evaluate("document.documentElement.scrollWidth") <= 360, view
        show(page, "sessions")
        expect(page.get_by_role("button", name="End session")).to_be_visible()
        assert page.locator("td.who").bounding_box()["width"] <= 360


def test_works_with_the_keyboard_alone(at, open_page):
    page = open_page(at.sluice, user="")
    focused = page.locator(":focus")
    expect(page.get_by_label("Name")).to_be_focused()
    page.keyboard.type(OPERATOR)
    page.keyboard.press("Tab")
    page.keyboard.type(schema.PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator("#connection")).to_have_text("live")

    press_until(page, "Tab", "Skip to the content")
    assert focused.evaluate("node => getComputedStyle(node).outlineStyle") == "solid"
    assert focused.bounding_box()["y"] >= 0
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()

    press_until(page, "Shift+Tab", "Pools")
    page.keyboard.press("Enter")
    expect(page).to_have_title("Pools · sluice")
    button = page.get_by_role("button", name="Actions for pool main")
    expect(button).to_be_visible()
    press_until(page, "Tab", "Actions for pool main")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Enter")  # the first choice: Pause
    expect(page.get_by_role("heading", name="Pause: main?")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(button).to_be_focused()
    expect(state_of_pool(page)).not_to_contain_text("paused")


def press_until(page, key: str, name: str) -> None:
    """Until the focus is on what has this name."""
    for _ in range(60):
        page.keyboard.press(key)
        if page.evaluate("document.activeElement.ariaLabel ?? document.activeElement.innerText") == name:
            return
    raise AssertionError(f"{key} does not lead to {name}")
