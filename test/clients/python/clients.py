"""Runs Python's clients for the tests, which are in TypeScript.

Reads one JSON object a line: {id, client, url, secret, model, capability, argument}. Answers each, in any order, with
a line {id, result} or {id, error: {status, message}}. Ends with its input.
"""

import asyncio
import base64
import json
import sys

from anthropic import AsyncAnthropic
from openai import AsyncOpenAI
from pydantic import BaseModel
from pydantic_ai import Agent, BinaryContent, NativeOutput
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.openai import OpenAIProvider

MAX_TOKENS = 1000


def said(text, pieces, input_tokens, output_tokens):
    return {"text": text, "pieces": pieces, "inputTokens": input_tokens, "outputTokens": output_tokens}


class OpenAi:
    def __init__(self, url, secret, model, shared):
        self.sdk = AsyncOpenAI(base_url=f"{url}/v1", api_key=secret)
        self.model, self.shared = model, shared
        self.tools = [{"type": "function", "function": tool} for tool in shared["tools"]]

    async def _create(self, messages, **more):
        return await self.sdk.chat.completions.create(model=self.model, messages=messages, **more)

    def _said(self, completion):
        usage = completion.usage
        return said(completion.choices[0].message.content, 1, usage.prompt_tokens, usage.completion_tokens)

    async def plain(self, prompt):
        return self._said(await self._create([{"role": "user", "content": prompt}]))

    async def _stream(self, messages, **more):
        stream = await self._create(messages, stream=True, stream_options={"include_usage": True}, **more)
        texts, calls, usage = [], {}, None
        async for chunk in stream:
            usage = chunk.usage or usage
            for choice in chunk.choices:
                if choice.delta.content:
                    texts.append(choice.delta.content)
                for delta in choice.delta.tool_calls or []:
                    call = calls.setdefault(delta.index, {"id": "", "name": "", "arguments": ""})
                    call["id"] += delta.id or ""
                    call["name"] += delta.function.name or ""
                    call["arguments"] += delta.function.arguments or ""
        whole = said("".join(texts), len(texts), usage.prompt_tokens, usage.completion_tokens)
        return whole, list(calls.values())

    async def streamed(self, prompt):
        return (await self._stream([{"role": "user", "content": prompt}]))[0]

    async def tools_used(self, prompt):
        messages = [{"role": "user", "content": prompt}]
        _, calls = await self._stream(messages, tools=self.tools)
        shown = [
            {"id": c["id"], "type": "function", "function": {"name": c["name"], "arguments": c["arguments"]}}
            for c in calls
        ]
        results = [{"role": "tool", "tool_call_id": c["id"], "content": self.shared["result"]} for c in calls]
        turns = [*messages, {"role": "assistant", "tool_calls": shown}, *results]
        whole, _ = await self._stream(turns, tools=self.tools)
        called = [{"name": c["name"], "input": json.loads(c["arguments"])} for c in calls]
        return {"calls": called, "said": whole}

    async def image(self, prompt):
        url = f"data:image/png;base64,{self.shared['image']}"
        content = [{"type": "text", "text": prompt}, {"type": "image_url", "image_url": {"url": url}}]
        return self._said(await self._create([{"role": "user", "content": content}]))

    async def structured(self, prompt):
        schema = {"name": "weather", "strict": True, "schema": self.shared["schema"]}
        response_format = {"type": "json_schema", "json_schema": schema}
        completion = await self._create([{"role": "user", "content": prompt}], response_format=response_format)
        return json.loads(completion.choices[0].message.content)

    async def embeddings(self, texts):
        return [item.embedding for item in (await self.sdk.embeddings.create(model="vectors", input=texts)).data]

    async def models(self, _):
        return [model.id async for model in self.sdk.models.list()]

    async def cancelled(self, prompt):
        stream = await self._create([{"role": "user", "content": prompt}], stream=True)
        async for chunk in stream:
            if chunk.choices and chunk.choices[0].delta.content:
                break
        await stream.close()


class Anthropic:
    def __init__(self, url, secret, model, shared):
        self.sdk = AsyncAnthropic(base_url=url, api_key=secret)
        self.model, self.shared = model, shared
        self.tools = [
            {"name": t["name"], "description": t["description"], "input_schema": t["parameters"]}
            for t in shared["tools"]
        ]

    def _request(self, messages, **more):
        return {"model": self.model, "max_tokens": MAX_TOKENS, "messages": messages, **more}

    def _said(self, message, pieces=1):
        text = "".join(block.text for block in message.content if block.type == "text")
        usage = message.usage
        cached = (usage.cache_creation_input_tokens or 0) + (usage.cache_read_input_tokens or 0)
        return said(text, pieces, usage.input_tokens + cached, usage.output_tokens)

    async def plain(self, prompt):
        return self._said(await self.sdk.messages.create(**self._request([{"role": "user", "content": prompt}])))

    async def _stream(self, messages, **more):
        pieces = 0
        async with self.sdk.messages.stream(**self._request(messages, **more)) as stream:
            async for _ in stream.text_stream:
                pieces += 1
            return await stream.get_final_message(), pieces

    async def streamed(self, prompt):
        message, pieces = await self._stream([{"role": "user", "content": prompt}])
        return self._said(message, pieces)

    async def tools_used(self, prompt):
        first = [{"role": "user", "content": prompt}]
        message, _ = await self._stream(first, tools=self.tools)
        uses = [block for block in message.content if block.type == "tool_use"]
        results = [{"type": "tool_result", "tool_use_id": u.id, "content": self.shared["result"]} for u in uses]
        turns = [*first, {"role": "assistant", "content": message.content}, {"role": "user", "content": results}]
        final, pieces = await self._stream(turns, tools=self.tools)
        return {"calls": [{"name": u.name, "input": u.input} for u in uses], "said": self._said(final, pieces)}

    async def image(self, prompt):
        source = {"type": "base64", "media_type": "image/png", "data": self.shared["image"]}
        content = [{"type": "image", "source": source}, {"type": "text", "text": prompt}]
        return self._said(await self.sdk.messages.create(**self._request([{"role": "user", "content": content}])))

    async def structured(self, prompt):
        config = {"format": {"type": "json_schema", "schema": self.shared["schema"]}}
        request = self._request([{"role": "user", "content": prompt}], output_config=config)
        return json.loads(self._said(await self.sdk.messages.create(**request))["text"])

    async def models(self, _):
        return [model.id async for model in self.sdk.models.list()]

    async def cancelled(self, prompt):
        stream = await self.sdk.messages.create(**self._request([{"role": "user", "content": prompt}], stream=True))
        async for event in stream:
            if event.type == "content_block_delta":
                break
        await stream.close()


class Weather(BaseModel):
    city: str
    degrees: int


class PydanticAi:
    def __init__(self, model, shared):
        self.model, self.shared = model, shared

    def _agent(self, **more):
        return Agent(self.model, model_settings={"max_tokens": MAX_TOKENS}, **more)

    def _said(self, result, text, pieces=1):
        usage = result.usage() if callable(result.usage) else result.usage
        return said(text, pieces, usage.input_tokens, usage.output_tokens)

    async def plain(self, prompt):
        result = await self._agent().run(prompt)
        return self._said(result, result.output)

    async def _stream(self, agent, prompt):
        texts = []
        async with agent.run_stream(prompt) as result:
            async for text in result.stream_text(delta=True, debounce_by=None):
                texts.append(text)
            return self._said(result, "".join(texts), len(texts))

    async def streamed(self, prompt):
        return await self._stream(self._agent(), prompt)

    async def tools_used(self, prompt):
        calls = []
        agent = self._agent()

        @agent.tool_plain
        def weather(city: str) -> str:
            calls.append({"name": "weather", "input": {"city": city}})
            return self.shared["result"]

        @agent.tool_plain
        def now() -> str:
            calls.append({"name": "now", "input": {}})
            return self.shared["result"]

        whole = await self._stream(agent, prompt)
        return {"calls": sorted(calls, key=lambda call: call["name"], reverse=True), "said": whole}

    async def image(self, prompt):
        picture = BinaryContent(data=base64.b64decode(self.shared["image"]), media_type="image/png")
        result = await self._agent().run([prompt, picture])
        return self._said(result, result.output)

    async def structured(self, prompt):
        result = await self._agent(output_type=NativeOutput(Weather)).run(prompt)
        return result.output.model_dump()

    async def cancelled(self, prompt):
        async with self._agent().run_stream(prompt) as result:
            async for _ in result.stream_text(delta=True, debounce_by=None):
                break


def pydantic_openai(url, secret, model, shared):
    provider = OpenAIProvider(base_url=f"{url}/v1", api_key=secret)
    return PydanticAi(OpenAIChatModel(model, provider=provider), shared)


def pydantic_anthropic(url, secret, model, shared):
    provider = AnthropicProvider(anthropic_client=AsyncAnthropic(base_url=url, api_key=secret))
    return PydanticAi(AnthropicModel(model, provider=provider), shared)


CLIENTS = {
    "openai": OpenAi,
    "anthropic": Anthropic,
    "pydantic-ai, openai": pydantic_openai,
    "pydantic-ai, anthropic": pydantic_anthropic,
}


async def answer(line, shared):
    asked = json.loads(line)
    try:
        client = CLIENTS[asked["client"]](asked["url"], asked["secret"], asked["model"], shared)
        result = await getattr(client, asked["capability"])(asked["argument"])
        reply = {"id": asked["id"], "result": result}
    except Exception as error:
        status = getattr(error, "status_code", None)
        reply = {"id": asked["id"], "error": {"status": status, "message": f"{type(error).__name__}: {error}"}}
    print(json.dumps(reply), flush=True)


async def serve():
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=1024 * 1024)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    shared = json.loads(await reader.readline())
    tasks = set()
    while line := await reader.readline():
        task = loop.create_task(answer(line, shared))
        tasks.add(task)
        task.add_done_callback(tasks.discard)


asyncio.run(serve())
