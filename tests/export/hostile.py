"""Hostile names for models, and a session that uses them."""

from __future__ import annotations

from kernelscope.domain.facts import FileAccess, LocalModel, Opaque
from tests.support.script import LOGISTIC, Story, call, learn, with_params

HOSTILE = (
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "]]><img src=x onerror=alert(1)>",
    "<img src=//evil.example/x>",
    "</details></table><h1>owned</h1>",
    "[click](https://evil.example)",
    "![x](https://evil.example/x.png)",
    "https://evil.example/ www.evil.example",
    "<https://evil.example>",
    "ada@evil.example",
    "@ada and @org/team",
    "#12 GH-12 ada/repo#12",
    "fixes #1",
    "0123456789abcdef0123456789abcdef01234567",
    ":shipit: $x^2$",
    "a | b || c \\| d \\\\| e |",
    "`tick` ``` two `` end\\",
    "``",
    "`",
    "*bold* _em_ ~~gone~~ **x**",
    "- item\n# head\n> quote\n\n    code",
    "```\n</details>\n~~~\n# out",
    "&lt;b&gt; &#64;ada &amp;",
    "=1+1",
    '=HYPERLINK("https://evil.example","x")',
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    " =1",
    "\r=1",
    "'=1",
    "＝1",
    'quote " and, comma; semicolon',
    "a\nb\r\nc\u2028d\u2029e\x85f",
    "\x1b[2J\x1b]0;owned\x07",
    "\u202eevil\u202c",
    "\ud800",
    "\x00",
    "{{constructor}} ${x} %s {0}",
    "url(https://evil.example) expression(alert(1)) };*{display:none",
    "x" * 400,
    "模型" * 30,
    "nan",
    "NULL",
    "__proto__",
)


def hostile_story(text: str) -> Story:
    """Build a story with this text in every place where a kernel can put text."""
    story = Story(notebook=f"/tmp/{text}.ipynb")
    old_model = learn(story.new(f"lib.{text}", {text: text}))
    story.attach({f"{text}0": old_model})
    model = story.new(f"lib.{text}", {text: text, "C": Opaque(text, "a")})
    local = LocalModel(900, 90, LOGISTIC, text, text, 7)
    story.run(text, names={text: model}, local=[local])
    model = learn(model, text, "coef_")
    story.run(f"# {text}\n{text}.fit()", objects=[model], calls=[call(model, text)])
    save = FileAccess("save", text, text, model.token, f"/tmp/{text}", touched=True)
    story.run(text, objects=[with_params(model, C=text)], files=[save], status="error")
    story.run(text, names={text: learn(story.new(f"lib.{text}", {text: 2})), f"{text}0": None})
    return story
