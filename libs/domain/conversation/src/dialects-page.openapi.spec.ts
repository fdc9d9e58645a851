import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { dialectTables } from './testing/dialects-page.js';

const PAGE = fileURLToPath(new URL('../../../../docs/dialects.md', import.meta.url));

it('has docs/dialects.md written down (npm run openapi writes it)', async () => {
  await expect(page()).toMatchFileSnapshot(PAGE);
});

function page(): string {
  const tables = dialectTables();
  return `# Dialects

A caller speaks the dialect of the endpoint that it calls; a provider speaks the dialects that its type has. Where both have
one in common, the request passes byte for byte, but for the model's name, the ids of responses and what accounting needs.
Where they have not, the gateway reads the request as a conversation, writes it in the provider's dialect, and brings the
answer back, plain or as a stream. This page says what becomes of each field on that way. Its tables are made of the code:
\`npm run openapi\` writes them.

**What cannot be carried is refused**: 400 [\`invalid_request\`](errors.md#invalid_request) with the caller's field in \`param\`, before any
provider is called. What changes no answer is left out instead, if this page says so. The reply header \`x-tollgate-left-out\` names
tools, settings and items that were left out; of marks and hints for caches, and of what clients only send back, it says nothing but where this page says so.

## Fields

The columns of endpoints say where a caller says something; nothing means that it cannot. The last three say what becomes
of it on the way to a provider of that dialect: it is carried, left out, or refused. They were tried with \`gpt-5.6\` and
\`claude-opus-4-6\`. Newer models of Claude take no \`temperature\`, \`top_p\` and \`top_k\`, and no budget of thoughts; older
ones know no effort and no schemas. What a model does not take is refused by name, unless it is the default value.

${tables.fields}

## What is mapped, and how

- **Instructions** stay at their place. A provider behind chat gets them with the role \`system\`, which all servers know.
  Claude from Opus 4.8 on takes them between other turns, after one of the user. Older models, and at other places, get them
  within the user's turn, between the tags \`<system-reminder>\`. So do servers behind chat that are not OpenAI or Azure: what is
  said first reaches them as one text, with blank lines between its parts, and what is said later between those tags.
- **Hints that only OpenAI knows** (\`prompt_cache_key\`, \`user\`, \`metadata\`, \`verbosity\`, and \`service_tier\` if it is \`auto\` or
  \`default\`) are left out towards servers that are not OpenAI or Azure, which \`x-tollgate-left-out\` says. A proxy in front of
  these is sent them if its entry in the configuration has [\`passes_to_openai: true\`](providers.md#a-proxy-in-front-of-openai).
- **Schemas** are strict at OpenAI only if each object in them requires all its properties and forbids others. A schema that
  another dialect calls strict is sent without \`strict\` otherwise, which \`x-tollgate-left-out\` says.
- **Tool calls** are followed at once by all their results, whatever the order was; images of results follow in one message
  where results can have only text, each named by its call. A result that failed says so in words where no field does.
- **A list of allowed tools** (\`allowed_tools\` in \`tool_choice\`) is known to OpenAI alone. Towards others the tools that are not in
  it are not declared.
- **Names of tools** and **ids of calls** that a provider does not take are shortened; the caller sees its own. Models of Mistral
  get ids of nine letters and digits, wherever they are served.
- **The input of tools** has its numbers as they are written, whatever their size: \`2512292042121000001\` and \`0.1000\` stay so.
- **Custom tools** become functions with one text as input where a provider knows only functions, and come back as they were.
- **Tools that a provider runs** are left out towards a provider that has none of them, and named in \`x-tollgate-left-out\`. If the
  model must call one of them, that is 400.
- **Thoughts** come back as \`reasoning_content\` in chat, with their seals in \`thinking_blocks\`; as \`thinking\` blocks in
  Messages; as \`reasoning\` items in Responses. A client that sends them back lets the model go on with them. Those of another
  maker are not sent to a model. What OpenAI's models encrypt is sealed for your organisation, the provider and the model that
  gave it: that target is asked first, and where another one answers, the thought is left out. Chat has no field for thoughts
  that all servers take: models of DeepSeek and Kimi get them as \`reasoning_content\` wherever they are served but at Groq and
  Cerebras, which refuse it.
- **Signatures of Gemini** (\`extra_content\` of a tool call or a message at its compatible servers, \`reasoning_details\` at
  OpenRouter if one of them is encrypted or signed) come back to callers of Messages as a \`thinking\` block without text, before
  the call that they belong to or after the text, and to callers of Responses at the end of the \`call_id\` of the call, which is
  long then. Gemini 3 refuses a call without its signature, so send these back as they came, at their place. They are sealed for
  your organisation and the provider that gave them; no other gets them. A request without tools and without an effort or a
  budget of thoughts gets none.
- **How hard a model thinks** is a word in OpenAI's dialects and a word or a number of tokens in Anthropic's. A number becomes the
  word for about as many at OpenAI. The ceiling of the output never grows. Models of OpenAI that do not reason (\`gpt-4o\`,
  \`gpt-4.1\` and before) are not told, which \`x-tollgate-left-out\` says. Nor
  is \`none\` sent to models that are not known to take it: \`gpt-5.1\` and later do, without \`pro\`, \`codex\` and \`chat\`. Servers
  that are not OpenAI or Azure are sent \`low\`, \`medium\` and \`high\`, if the caller named one of them, and nothing else.
  Models of Claude that know no efforts (4.5 and before) get a share of the ceiling to think: 10 % for \`minimal\`, then 20, 50,
  80, 90 and 95 %, at least 1,024 tokens and at most 32,000. A ceiling that leaves no room for that is 400.
- **Images** are labelled by their first bytes. An address stays an address: the gateway fetches nothing. Claude knows no
  \`detail\`: it is left out.
- **Names of users** that are longer than a provider takes (64 characters at OpenAI, which those of Claude Code exceed) are cut,
  with a digest of the whole at the end.
- **Messages of the system** that change tools or the effort in the middle of a conversation of Anthropic's: the tools that
  are offered at its end are declared for all of it, and the effort is the one that counts there.
- **Instructions alone**, without a turn of anybody else, reach Claude as a turn of the user.
- **A last turn of the assistant** is refused: some models would go on with it, others would answer anew.

## Why an answer ended

${tables.reasons}

## What an error is called

Clients act on some errors: Claude Code and Codex shorten their conversations, others wait, or stop. These errors of a provider are
told in the words of the caller's dialect, in its own status, and with the phrases that clients look for in messages, as "prompt is too
long" and "maximum context length". This is what stands in a stream that has begun:

${tables.errors}

Before a stream, and in place of a plain answer, the status says the same, and the codes are those of [errors.md](errors.md). There, whatever
concerns the account of the gateway at a provider (its credential, its credit, its limits) is told as a failure of the provider.
All other errors keep the provider's status and words.

## What a call used

A call that read 100 tokens, 60 of them from a cache and 30 into one, and wrote 20, of which 5 were thoughts:

${tables.usage}

## Fields that are left out

They change no answer of another maker's model.

\`usage\` of \`chat/completions\`, \`access_programs\` of \`responses\` and \`diagnostics\` of \`messages\` are left out towards
providers of the same dialect too, unless the provider's entry in the configuration has them in \`allow_fields\`.

${tables.leftOut}

## Fields that are refused

They are refused on the way to any other dialect, as are fields that the gateway does not know.

${tables.refused}

## Fields that are refused always

They lead to another model or address, or to what a provider keeps for its whole account, or their cost has no bound. So they
are refused whatever the provider speaks, and for every key. \`allow_fields\` of a provider's entry can let those pass that name
another model, an address or an account; on the way to another dialect they are then left out or refused.

${tables.refusedAlways}
`;
}
