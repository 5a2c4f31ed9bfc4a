"""Conversations rendered by Transformers, for `worker/engine/files/chat-template.ts` to be held to.

The templates are ours; between them they use what those of instruct models use. To make them again:
    python test/vectors/chat-templates.py > test/vectors/chat-templates.json
"""
import json

from transformers.utils.chat_template_utils import render_jinja_template

TOKENS = {"bos_token": "<s>", "eos_token": "</s>"}

TEMPLATES = {
    # Turns between marks, as most have them; a system message stands in where there is none.
    "marks": """
{%- if messages[0]['role'] != 'system' %}
    {{- '<|turn|>system\\nYou know rivers.<|end|>\\n' }}
{%- endif %}
{% for message in messages %}
    {% set text = message['content'] | trim %}
    {{- '<|turn|>' + message.role + '\\n' + text + '<|end|>' + '\\n' }}
{% endfor %}
{% if add_generation_prompt %}
    {{- '<|turn|>assistant\\n' }}
{% endif %}""",
    # The system message goes into the first question, roles must alternate, the beginning is the template's own.
    "alternating": """
{{- bos_token }}
{%- set system = '' %}
{%- if messages[0].role == 'system' %}
    {%- set system = messages[0].content ~ '\\n\\n' %}
    {%- set rest = messages[1:] %}
{%- else %}
    {%- set rest = messages %}
{%- endif %}
{%- for message in rest %}
    {%- if (message.role == 'user') != (loop.index0 % 2 == 0) %}
        {{- raise_exception('user and assistant must take turns') }}
    {%- endif %}
    {%- if message.role == 'user' %}
        {{- '[ASK] ' ~ (system if loop.first else '') ~ message.content ~ ' [/ASK]' }}
    {%- else %}
        {{- ' ' ~ message.content ~ eos_token }}
    {%- endif %}
{%- endfor %}""",
    # What is thought is left out of earlier answers; an option forbids it in the next.
    "thinking": """
{%- macro head(role) %}{{ '<' ~ role | upper ~ '>' }}{% endmacro %}
{%- set ns = namespace(last=0) %}
{%- for message in messages %}
    {%- if message.role == 'user' %}{% set ns.last = loop.index0 %}{% endif %}
{%- endfor %}
{%- for message in messages %}
{{ head(message.role) }}
    {%- if message.role == 'assistant' and loop.index0 < ns.last and '</think>' in message.content %}
 {{ message.content.split('</think>')[-1].lstrip('\\n') }}
    {%- else %}
 {{ message.content }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}

{{ head('assistant') }}
    {%- if enable_thinking is defined and enable_thinking is false %} <think></think>{% endif %}
{%- endif %}""",
    # Lines as they stand: how blocks trim them must be as in Transformers.
    "plain": """{% for message in messages %}
  {% if message.content %}
{{ message.role | capitalize }}: {{ message.content }}
  {% endif %}
{% endfor %}
{{ messages | length }} messages, {{ messages | map(attribute='role') | join(', ') }}{{ '' if bos_token is defined else '!' }}
Assistant:""",
}

CONVERSATIONS = [
    [{"role": "user", "content": "Where does a river begin?"}],
    [
        {"role": "system", "content": " Answer in one word. "},
        {"role": "user", "content": "Where does it end?"},
        {"role": "assistant", "content": "<think>\nthe sea?\n</think>\n\nSea."},
        {"role": "user", "content": "  Naïve “quotes”, 東京 🦦\n\n{{ not.a.template }} {% nor this %}  "},
    ],
    [
        {"role": "assistant", "content": "I speak first."},
        {"role": "user", "content": ""},
    ],
]

OPTIONS = [{}, {"enable_thinking": False}]


def rendered(template, messages, options):
    try:
        return {
            "text": render_jinja_template(
                conversations=[messages],
                chat_template=template,
                add_generation_prompt=True,
                **TOKENS,
                **options,
            )[0][0]
        }
    except Exception as error:
        return {"error": str(error)}


cases = [
    {"template": name, "messages": messages, "options": options, **rendered(template, messages, options)}
    for name, template in TEMPLATES.items()
    for messages in CONVERSATIONS
    for options in OPTIONS
]
print(json.dumps({"tokens": TOKENS, "templates": TEMPLATES, "cases": cases}, ensure_ascii=False, indent=1))
