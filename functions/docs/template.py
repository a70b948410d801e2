"""How the page for people looks: its HTML and its style, for `docs_page.py` to fill."""

STYLE = """
:root {
  color-scheme: light dark;
  --page: #ffffff; --card: #f7f7f5; --line: #e4e3df; --text: #1d1d1f; --soft: #6a6a70;
  --link: #2b5bd7; --code: #14161c; --code-text: #e8eaf0; --chip: #ecebe7;
  --get: #1769aa; --post: #1a7f4b; --delete: #b3372f;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #111216; --card: #191b21; --line: #2b2e37; --text: #ececf1;
    --soft: #9c9fab; --link: #8fb0ff; --code: #0a0b0e; --code-text: #dfe2ea;
    --chip: #262932; --get: #6bb7f0; --post: #5fd095; --delete: #f28b82;
  }
}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; scroll-padding-top: 1.5rem; }
body {
  margin: 0; background: var(--page); color: var(--text);
  font: 16px/1.6 system-ui, "Noto Sans KR", "Noto Sans CJK KR", sans-serif;
  word-break: keep-all; overflow-wrap: anywhere;
}
a { color: var(--link); text-decoration: none; }
a:hover { text-decoration: underline; }
code, pre { font-family: ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
code { font-size: .875em; }
.frame { display: grid; grid-template-columns: 18.5rem minmax(0, 1fr); }
nav {
  position: sticky; top: 0; height: 100vh; overflow-y: auto; padding: 2rem 1.25rem;
  border-right: 1px solid var(--line); font-size: .875rem;
}
nav .name { font-size: 1.25rem; font-weight: 700; letter-spacing: -.02em; }
nav .name a { color: inherit; }
nav h2 {
  margin: 1.6rem 0 .4rem; font-size: .75rem; font-weight: 600; color: var(--soft);
}
nav ul { list-style: none; margin: 0; padding: 0; }
nav li a {
  display: flex; gap: .6rem; align-items: baseline; padding: .22rem 0; color: inherit;
}
nav li span + span { font-size: .8125rem; line-height: 1.45; }
nav .method { flex: none; width: 3rem; font-size: .6875rem; }
nav > details { display: none; }
.lang { display: flex; gap: .75rem; margin-top: .5rem; color: var(--soft); }
.lang [aria-current] { color: var(--text); font-weight: 600; }
main { padding: 3rem clamp(1.25rem, 4vw, 4rem) 6rem; max-width: 80rem; }
h1 { margin: 0; font-size: 2.25rem; letter-spacing: -.03em; line-height: 1.2; }
.lead { max-width: 44rem; color: var(--soft); margin: .9rem 0 0; }
.lead code { color: var(--text); }
main > section > h2 {
  margin: 4.5rem 0 0; font-size: 1.5rem; letter-spacing: -.02em;
}
article { padding: 2.25rem 0; border-bottom: 1px solid var(--line); }
article:last-child { border-bottom: 0; }
article h3 { margin: 0; font-size: 1.125rem; font-weight: 600; line-height: 1.4; }
.call {
  display: flex; flex-wrap: wrap; gap: .25rem .75rem; align-items: baseline;
  margin: .4rem 0 0;
}
.method { font: 700 .75rem ui-monospace, Menlo, Consolas, monospace; }
.get { color: var(--get); } .post { color: var(--post); }
.delete { color: var(--delete); }
.chip {
  padding: .05rem .5rem; border-radius: 1rem; background: var(--chip);
  color: var(--soft); font-size: .75rem;
}
.two { display: grid; grid-template-columns: minmax(0, 1fr); gap: 1.25rem; }
h4 { margin: 1.6rem 0 .5rem; font-size: .875rem; font-weight: 600; }
.wide { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-size: .875rem; }
th {
  padding: .35rem 1rem .35rem 0; text-align: left; font-weight: 500;
  color: var(--soft); border-bottom: 1px solid var(--line); white-space: nowrap;
}
td {
  padding: .55rem 1rem .55rem 0; vertical-align: top;
  border-bottom: 1px solid var(--line);
}
tr:last-child td { border-bottom: 0; }
td:first-child { white-space: nowrap; }
td.what { min-width: 14rem; width: 60%; }
.kind { color: var(--soft); }
td.kind { min-width: 6.5rem; }
.said { color: var(--soft); font-size: .875rem; }
.must { color: var(--delete); font-size: .75rem; margin-left: .4rem; }
.note { display: block; }
.limits { display: block; color: var(--soft); font-size: .8125rem; }
pre {
  margin: 0; padding: 1rem 1.15rem; border-radius: .6rem; overflow-x: auto;
  background: var(--code); color: var(--code-text); font-size: .8125rem;
  line-height: 1.65; word-break: normal; overflow-wrap: normal;
}
details { margin-top: 1.25rem; border-radius: .6rem; background: var(--card); }
summary {
  padding: .6rem 1rem; cursor: pointer; font-size: .875rem; font-weight: 600;
}
summary .kind { font-weight: 400; }
details .wide { padding: 0 1rem .6rem; }
a:focus-visible, summary:focus-visible {
  outline: 2px solid var(--link); outline-offset: 2px; border-radius: .3rem;
}
@media (min-width: 82rem) {
  .two { grid-template-columns: minmax(0, 1fr) 26rem; gap: 3rem; }
  .aside > * { position: sticky; top: 1.5rem; }
}
@media (max-width: 56rem) {
  .frame { display: block; }
  nav {
    position: static; height: auto; border-right: 0;
    border-bottom: 1px solid var(--line); padding: 1.25rem;
  }
  nav > .all { display: none; }
  nav > details { display: block; margin-top: 1rem; }
  nav > details > div { padding: 0 1rem 1rem; }
  main { padding-top: 2rem; }
  h1 { font-size: 1.75rem; }
}
@media (max-width: 40rem) {
  .fields thead { display: none; }
  .fields tr { display: block; padding: .6rem 0; border-bottom: 1px solid var(--line); }
  .fields tr:last-child { border-bottom: 0; }
  .fields td { display: block; padding: .1rem 0; border: 0; white-space: normal; }
}
@media print { nav { display: none; } .frame { display: block; } }
"""

TEMPLATE = """\
{%- macro fields(rows) -%}
<div class="wide"><table class="fields">
<thead><tr><th>{{ words.name }}</th><th>{{ words.kind }}</th>
<th>{{ words.meaning }}</th></tr></thead>
<tbody>
{%- for row in rows %}
<tr><td><code>{{ row.name }}</code>
{%- if row.is_required %}<span class="must">{{ words.required }}</span>{% endif -%}
</td>
<td class="kind">{% if row.object -%}
<a href="#{{ row.object }}">{{ row.kind }}</a>{% else %}{{ row.kind }}{% endif %}</td>
<td class="what">
{%- if row.note %}<span class="note">{{ row.note | spoken }}</span>{% endif %}
{%- if row.limits %}<span class="limits">{{ row.limits }}</span>{% endif -%}
</td></tr>
{%- endfor %}
</tbody></table></div>
{%- endmacro -%}
{%- macro links() -%}
{%- for group in groups %}
<h2>{{ group.title }}</h2>
<ul>
{%- for call in group.calls %}
<li><a href="#{{ call.anchor }}">
<span class="method {{ call.method | lower }}">{{ call.method }}</span>
<span>{{ call.path }}</span></a></li>
{%- endfor %}
</ul>
{%- endfor %}
<h2>{{ words.objects }}</h2>
<ul>
{%- for shown in objects %}
<li><a href="#{{ shown.name }}">{{ shown.name }}</a></li>
{%- endfor %}
</ul>
{%- endmacro -%}
<!doctype html>
<html lang="{{ language }}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Reelay API</title>
<style>{{ style }}</style>
</head>
<body>
<div class="frame">
<nav aria-label="{{ words.calls }}">
<div class="name"><a href="#top">Reelay API</a></div>
<div class="lang">
{%- for code, name in languages %}
<a href="?lang={{ code }}" hreflang="{{ code }}" lang="{{ code }}"
{%- if code == language %} aria-current="true"{% endif %}>{{ name }}</a>
{%- endfor %}
</div>
<div class="all">{{ links() }}</div>
<details><summary>{{ words.calls }}</summary><div>{{ links() }}</div></details>
</nav>
<main id="top">
<h1>Reelay API</h1>
<p class="lead">{{ lead | spoken }}</p>
<p class="lead"><a href="v1/openapi.json">OpenAPI 3.1</a></p>
{%- for group in groups %}
<section>
<h2>{{ group.title }}</h2>
{%- for call in group.calls %}
<article id="{{ call.anchor }}">
<h3>{{ call.summary | spoken }}</h3>
<p class="call"><span class="method {{ call.method | lower }}">{{ call.method }}</span>
<code>{{ call.path }}</code>
{%- if call.is_open %} <span class="chip">{{ words.open }}</span>{% endif %}</p>
<div class="two"><div>
{%- if call.parameters %}
<h4>{{ words.parameters }}</h4>
{{ fields(call.parameters) }}
{%- endif %}
{%- if call.body %}
<h4>{{ words.body }}</h4>
{{ fields(call.body) }}
{%- endif %}
<h4>{{ words.answers }}</h4>
{%- for said in call.answers %}
{%- if said.rows %}
<details><summary>{{ said.status }} {{ said.phrase }}</summary>
{{ fields(said.rows) }}</details>
{%- else %}
<div class="said">{{ said.status }} {{ said.phrase }}
{%- if said.object %} · <a href="#{{ said.object }}">{{ said.object }}</a>{% endif -%}
</div>
{%- endif %}
{%- endfor %}
{%- if call.errors %}
<details><summary>{{ words.errors }}
<span class="kind">{{ call.errors | length }}</span></summary>
<div class="wide"><table>
<thead><tr><th>{{ words.status }}</th><th>{{ words.code }}</th>
<th>{{ words.meaning }}</th></tr></thead>
<tbody>
{%- for error in call.errors %}
<tr><td>{{ error.status }}</td><td><code>{{ error.code }}</code></td>
<td class="what">{{ error.sentence | spoken }}</td></tr>
{%- endfor %}
</tbody></table></div></details>
{%- endif %}
</div>
<div class="aside"><pre tabindex="0"><code>{{ call.curl }}</code></pre></div>
</div>
</article>
{%- endfor %}
</section>
{%- endfor %}
<section>
<h2>{{ words.objects }}</h2>
{%- for shown in objects %}
<article id="{{ shown.name }}">
<h3>{{ shown.name }}</h3>
{{ fields(shown.rows) }}
</article>
{%- endfor %}
</section>
</main>
</div>
</body>
</html>
"""
