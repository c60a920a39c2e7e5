"""A headless Chromium driven over its DevTools protocol: what the viewer's tests look through.

Tests of the viewer belong to the test files.
"""

import base64
import itertools
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import connect

FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-quic", "--no-first-run", "--mute-audio",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-extensions", "--disable-default-apps", "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
    "--remote-debugging-port=0", "--remote-allow-origins=*",
)  # fmt: skip
WITHOUT_WEBGL = ("--disable-gpu",)
WITH_WEBGL = ("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")
"""WebGL in software: slow, plain canvases too."""
WAIT_S = 60.0


def find_chromium() -> str | None:
    """Path of a Chromium or Chrome, or None."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    return next((path for name in names if (path := shutil.which(name))), None)


class Page:
    """One tab: loads addresses, evaluates JavaScript, takes events and pictures."""

    def __init__(self, socket: Any) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self.requests: list[str] = []
        self.problems: list[str] = []
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol and return its result."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        self._socket.send(json.dumps(message))
        while True:
            answer = json.loads(self._socket.recv(timeout=WAIT_S))
            if answer.get("id") == number:
                assert "error" not in answer, answer["error"]
                return answer["result"]
            self._note(answer)

    def open(self, address: str) -> None:
        """Load an address and wait until it is loaded."""
        self.send("Page.navigate", url=address)
        self.wait(lambda: self.run("document.readyState") == "complete")

    def run(self, expression: str) -> Any:
        """The value of a JavaScript expression."""
        result = self.send(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def wait(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition holds."""
        end = time.monotonic() + WAIT_S
        while not condition():
            assert time.monotonic() < end, "waited in vain"
            self.run("new Promise((done) => setTimeout(done, 40))")

    def settle(self) -> None:
        """Wait until the page has drawn what it had to draw."""
        frame = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
        self.run(f"{frame}.then(() => 0)")

    def text(self, selector: str) -> str:
        """Text of an element."""
        return self.run(f"document.querySelector({json.dumps(selector)}).textContent")

    def click(self, selector: str) -> None:
        """Click in the middle of an element."""
        x, y = self.middle(selector)
        for kind in ("mousePressed", "mouseReleased"):
            self.mouse(kind, x, y, button="left", clickCount=1)
        self.settle()

    def middle(self, selector: str) -> tuple[float, float]:
        """Middle of an element on screen."""
        self.run(
            f"document.querySelector({json.dumps(selector)}).scrollIntoView({{block: 'nearest'}})"
        )
        box = self.run(
            f"(() => {{ const b = document.querySelector({json.dumps(selector)})"
            ".getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]; })()"
        )
        return box[0], box[1]

    def mouse(self, kind: str, x: float, y: float, **more: Any) -> None:
        """A mouse event of the protocol."""
        self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def key(self, key: str, **more: Any) -> None:
        """Press and release a key."""
        text = {"text": key} if len(key) == 1 else {}
        self.send("Input.dispatchKeyEvent", type="keyDown", key=key, **text, **more)
        self.send("Input.dispatchKeyEvent", type="keyUp", key=key, **more)
        self.settle()

    def size(self, width: int, height: int, *, mobile: bool = False) -> None:
        """Give the tab another size."""
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=mobile,
        )  # fmt: skip
        self.settle()

    def screenshot(self, path: Path | None = None) -> bytes:
        """The tab as a PNG, also written to `path`."""
        png = base64.b64decode(self.send("Page.captureScreenshot", format="png")["data"])
        if path is not None:
            path.write_bytes(png)
        return png

    def _note(self, event: dict[str, Any]) -> None:
        method, values = event.get("method"), event.get("params", {})
        if method == "Network.requestWillBeSent":
            self.requests.append(values["request"]["url"])
        elif method == "Network.webSocketCreated":
            self.requests.append(values["url"])
        elif method == "Runtime.exceptionThrown":
            self.problems.append(json.dumps(values["exceptionDetails"])[:800])
        elif method == "Runtime.consoleAPICalled" and values["type"] in ("error", "warning"):
            self.problems.append(json.dumps(values["args"])[:800])
        elif method == "Log.entryAdded" and values["entry"]["level"] in ("error", "warning"):
            self.problems.append(values["entry"]["text"])


@contextmanager
def browser(directory: Path, *, webgl: bool = False) -> Iterator[Page]:
    """A tab of a fresh Chromium whose profile lies in `directory`."""
    chromium = find_chromium()
    assert chromium is not None
    drawing = WITH_WEBGL if webgl else WITHOUT_WEBGL
    own = (*drawing, f"--user-data-dir={directory}", "--window-size=1280,760", "about:blank")
    with (directory / "chromium.log").open("wb") as log:
        spoken = {**os.environ, "LANG": "en_US.UTF-8", "LC_ALL": "en_US.UTF-8", "LANGUAGE": "en_US"}
        process = subprocess.Popen([chromium, *FLAGS, *own], stdout=log, stderr=log, env=spoken)
    try:
        active = directory / "DevToolsActivePort"
        end = time.monotonic() + WAIT_S
        while not (active.is_file() and len(active.read_text().split()) == 2):
            assert process.poll() is None, (directory / "chromium.log").read_text()
            assert time.monotonic() < end, "Chromium did not start"
            time.sleep(0.05)
        port, path = active.read_text().split()
        with connect(f"ws://127.0.0.1:{port}{path}", max_size=None, proxy=None) as root:
            root.send(json.dumps({"id": 1, "method": "Target.getTargets"}))
            targets = json.loads(root.recv(timeout=WAIT_S))["result"]["targetInfos"]
            tab = next(target["targetId"] for target in targets if target["type"] == "page")
        address = f"ws://127.0.0.1:{port}/devtools/page/{tab}"
        with connect(address, max_size=None, proxy=None) as socket:
            page = Page(socket)
            page.size(1280, 760)
            yield page
    finally:
        process.terminate()
        process.wait(timeout=WAIT_S)
