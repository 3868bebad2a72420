"""Parses HTML into its text, elements and attributes, and lists texts that try to become markup."""

from __future__ import annotations

import base64
from html.parser import HTMLParser

HOSTILE_TEXTS = (
    r"<img src=x onerror=1> ${1} {{x}} C:\users\new",
    "</mark><script>alert(1)</script>",
    '"><script>alert(1)</script>',
    "' onmouseover='alert(1)",
    '" autofocus onfocus="alert(1)" x="',
    "</blockquote></article></section><h1>Owned</h1>",
    "<svg/onload=alert(1)>",
    "<iframe srcdoc='<script>parent.alert(1)</script>'></iframe>",
    "<style>*{display:none}</style>",
    "<base href='https://evil.example/'>",
    "<form action='https://evil.example/'><button>Go</button></form>",
    "<meta http-equiv=refresh content='0;url=https://evil.example/'>",
    "<link rel=stylesheet href=https://evil.example/x.css>",
    "<!-- a comment --> <![CDATA[ data ]]>",
    "&lt;b&gt; &amp; &#60;script&#62; &nbsp;",
    "${alert(1)} `${alert(1)}` #{alert(1)} <%= alert(1) %>",
    "{{constructor.constructor('alert(1)')()}} {@html '<b>'} {#if true}",
    r"\u003cscript\u003e \x3cscript\x3e \n \\ \' \"",
    "javascript:alert(1)",
    "<a href='javascript:alert(1)'>click</a>",
    "<math><mi xlink:href='javascript:alert(1)'>",
    "<template><script>alert(1)</script></template>",
    "<details open ontoggle=alert(1)>",
    "**bold** [link](https://evil.example) ![image](https://evil.example/x.png) $x^2$",
    "\u202eright to left\u202c and a\u200bzero width space",
    "</section><section class=answer>",
)


class HtmlText(HTMLParser):
    """The text a browser shows, and every element and attribute it would make."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.text = ""
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


ADMIN_KEY = "correct höhrse: battery"


def basic_credentials(key: str, user: str = "anybody") -> dict[str, str]:
    credentials = base64.b64encode(f"{user}:{key}".encode()).decode()
    return {"Authorization": f"Basic {credentials}"}
