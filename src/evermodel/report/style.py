"""The one style sheet of all pages: calm, readable from 360 px on, light and dark, and on paper."""

from __future__ import annotations

__all__ = ["DARK", "LIGHT", "STYLE"]

LIGHT = {
    "paper": "#ffffff",
    "panel": "#f6f7f9",
    "ink": "#1b1f24",
    "muted": "#57606a",
    "quiet": "#b6bec8",
    "grid": "#e3e7ec",
    "accent": "#0a5fb4",
    "pass": "#1a6b3c",
    "pass-soft": "#e8f4ec",
    "warn": "#8a5a00",
    "warn-soft": "#fdf3dc",
    "fail": "#b3261e",
    "fail-soft": "#fdecea",
    "unknown": "#57606a",
    "unknown-soft": "#eef0f3",
}
"""Colours on light pages; text on its soft ground has a contrast of at least 4.5."""

DARK = {
    "paper": "#14171b",
    "panel": "#1c2126",
    "ink": "#e6e8eb",
    "muted": "#a6adb7",
    "quiet": "#5b6470",
    "grid": "#2d343c",
    "accent": "#7cb7ff",
    "pass": "#6fd08c",
    "pass-soft": "#15301f",
    "warn": "#f0b429",
    "warn-soft": "#33280c",
    "fail": "#ff8a80",
    "fail-soft": "#3a1816",
    "unknown": "#a6adb7",
    "unknown-soft": "#262c33",
}
"""Colours on dark pages."""


def _variables(colours: dict[str, str]) -> str:
    return "".join(f"--em-{name}:{value};" for name, value in colours.items())


_RULES = """
*{box-sizing:border-box}
body{margin:0;background:var(--em-paper);color:var(--em-ink);
font:16px/1.6 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;
-webkit-text-size-adjust:100%;overflow-wrap:anywhere}
main,header,footer{max-width:54rem;margin:0 auto;padding:0 1.25rem}
header{padding-top:3rem}
h1{font-size:1.15rem;font-weight:600;margin:0;color:var(--em-muted)}
h2{font-size:1.35rem;line-height:1.3;font-weight:650;margin:0 0 .35rem;letter-spacing:-.01em}
h3{font-size:1rem;font-weight:650;margin:2rem 0 .5rem}
p{margin:0 0 .9rem;max-width:44rem}
section{padding:3.25rem 0 0}
footer{padding-top:4rem;padding-bottom:3rem;color:var(--em-muted);font-size:.875rem}
a{color:var(--em-accent)}
code{font:.92em ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
.lead{color:var(--em-muted)}
.banner{margin:1rem 0 0;padding:1.6rem 1.6rem 1.5rem;border-radius:14px;
background:var(--em-unknown-soft);border-left:6px solid var(--em-unknown)}
.banner p{margin:0}
.banner .say{font-size:1.75rem;line-height:1.25;font-weight:680;letter-spacing:-.015em;
color:var(--em-unknown);margin-bottom:.35rem}
.banner .more{color:var(--em-muted);margin-top:.6rem}
.banner.pass{background:var(--em-pass-soft);border-color:var(--em-pass)}
.banner.pass .say{color:var(--em-pass)}
.banner.warn{background:var(--em-warn-soft);border-color:var(--em-warn)}
.banner.warn .say{color:var(--em-warn)}
.banner.fail{background:var(--em-fail-soft);border-color:var(--em-fail)}
.banner.fail .say{color:var(--em-fail)}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.25rem,1fr));gap:1.1rem 1.5rem;
margin:1.75rem 0 0}
.facts div{margin:0}
.facts dt{color:var(--em-muted);font-size:.875rem}
.facts dd{margin:0;font-size:1.15rem;font-weight:600;font-variant-numeric:tabular-nums}
.tag{display:inline-block;white-space:nowrap;padding:.1rem .55rem;border-radius:99px;
font-size:.8125rem;font-weight:600;color:var(--em-unknown);background:var(--em-unknown-soft)}
.tag.pass{color:var(--em-pass);background:var(--em-pass-soft)}
.tag.warn{color:var(--em-warn);background:var(--em-warn-soft)}
.tag.fail{color:var(--em-fail);background:var(--em-fail-soft)}
.scroll{overflow-x:auto;margin:1rem 0;border:1px solid var(--em-grid);border-radius:10px}
.scroll:focus-visible,summary:focus-visible,a:focus-visible{outline:3px solid var(--em-accent);
outline-offset:2px}
table{border-collapse:collapse;width:100%;font-size:.9375rem;overflow-wrap:normal}
th,td{text-align:left;vertical-align:top;padding:.6rem .7rem;border-top:1px solid var(--em-grid)}
thead th{border-top:0;font-size:.8125rem;font-weight:600;color:var(--em-muted);white-space:nowrap;
background:var(--em-panel)}
tbody th{font-weight:600;min-width:7rem}
td.number,th.number{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
td.why{min-width:13rem}
td.picture{min-width:7.5rem}
td.when{white-space:nowrap;font-variant-numeric:tabular-nums}
small{display:block;color:var(--em-muted);font-weight:400;font-size:.8125rem}
figure{margin:1.5rem 0}
figcaption{color:var(--em-muted);font-size:.9375rem;margin-top:.5rem;max-width:44rem}
svg{display:block;max-width:100%;height:auto}
.narrow{display:none}
.side{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(19rem,100%),1fr));gap:0 2.5rem}
.side figure{min-width:0;margin:.75rem 0 1rem}.side{margin-top:2rem}.side h3{margin-top:.5rem}
.marks{margin:.75rem 0 0;padding:0;list-style:none;font-size:.9375rem}
.marks li{padding:.15rem 0 .15rem 1.9rem;text-indent:-1.9rem}
.marks span{color:var(--em-muted);font-variant-numeric:tabular-nums;margin-right:.6rem}
.marks b{display:inline-block;width:1.9rem;text-indent:0;color:var(--em-muted)}
details{margin:0;border-top:1px solid var(--em-grid);padding:.8rem 0}
figure+details,.side+details,.scroll+details{margin-top:1.5rem}
details:last-child{border-bottom:1px solid var(--em-grid)}
summary{cursor:pointer;color:var(--em-accent);font-weight:600;padding:.2rem 0}
.empty{border:1px dashed var(--em-quiet);border-radius:10px;padding:1.1rem 1.25rem;margin:1rem 0}
.empty p:last-child{margin:0}
@media (max-width:40rem){
.wide{display:none}.narrow{display:block}
main,header,footer{padding-left:1rem;padding-right:1rem}
header{padding-top:1.75rem}section{padding-top:2.5rem}
.banner{padding:1.2rem 1.1rem}.banner .say{font-size:1.4rem}
.facts{grid-template-columns:repeat(2,minmax(0,1fr));gap:1rem}
th,td{padding:.55rem .7rem}
}
@media print{
body{font-size:11pt}main,header,footer{max-width:none;padding-left:0;padding-right:0}
section{padding-top:1.6rem}figure,tr,.banner,.facts{break-inside:avoid}
h2,h3{break-after:avoid}.scroll{overflow:visible}
details::details-content{content-visibility:visible;block-size:auto}
}
"""

STYLE = (
    f":root{{color-scheme:light dark;{_variables(LIGHT)}}}"
    f"@media (prefers-color-scheme:dark){{:root{{{_variables(DARK)}}}}}"
    f"@media print{{:root{{color-scheme:light;{_variables(LIGHT)}}}}}" + _RULES.replace("\n", "")
)
"""The style sheet, ready to stand in a page."""
