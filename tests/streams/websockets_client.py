"""The client of websockets: python websockets_client.py '{"url": ..., "login": ...}'"""

import asyncio
import json
import sys
import urllib.request

from websockets.asyncio.client import connect

WORLD = json.loads(sys.argv[1])
URL = WORLD["url"]


def post(path, headers, body=b""):
    request = urllib.request.Request(URL + path, data=body, headers=headers, method="POST")
    with urllib.request.urlopen(request, timeout=20) as answer:
        return answer.read()


async def see(path, **how):
    try:
        async with connect(URL.replace("http", "ws") + path, open_timeout=20, **how) as socket:
            await socket.send("hello")
            name = f" {socket.subprotocol}" if socket.subprotocol else ""
            return f"open{name}, {await socket.recv()}"
    except Exception as error:
        response = getattr(error, "response", None)
        return str(response.status_code) if response else f"{type(error).__name__}: {error}"


async def main():
    headers = {"Content-Type": "application/json"}
    token = json.loads(post("/auth/login", headers, WORLD["login"].encode()))["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}

    def ticket(path):
        text = json.loads(post(f"/tickets/{path}", bearer))["access_ticket"]
        return f"/{path}?access_ticket={text}"

    seen = {
        "nothing": await see("/socket"),
        "header": await see("/socket", additional_headers=bearer),
        "protocol": await see("/socket", subprotocols=["echo.v1", f"bearer.{token}"]),
        "token alone": await see("/socket", subprotocols=[f"bearer.{token}"]),
        "none selected": await see("/socket", subprotocols=["other.v1", f"bearer.{token}"]),
        "bad token": await see("/socket", subprotocols=["echo.v1", f"bearer.{token}x"]),
        "ticket elsewhere": await see(ticket("events").replace("events", "socket")),
    }
    once = ticket("socket")
    seen["ticket"] = await see(once)
    seen["ticket again"] = await see(once)
    async with connect(URL.replace("http", "ws") + "/socket", additional_headers=bearer) as socket:
        post("/auth/logout", bearer)
        await socket.wait_closed()
        seen["logout"] = f"closed {socket.close_code} {socket.close_reason}"
    print(json.dumps({"websockets": seen}))


asyncio.run(main())
