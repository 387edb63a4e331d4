/**
 * The least that a broadcast costs with `ws` on Node.js.
 *
 * Each message that comes to ws://127.0.0.1:PORT/send goes out, as one uncompressed text frame, to every client of
 * ws://127.0.0.1:PORT/. A client's first message is answered with {"type":"ready"} once it is among them; what else it
 * sends is ignored.
 */
import { WebSocketServer } from "ws";

const READY = '{"type":"ready"}';

const listeners = new Set();

function listen(socket) {
  listeners.add(socket);
  socket.on("close", () => listeners.delete(socket));
  socket.once("message", () => socket.send(READY));
}

function broadcast(message) {
  for (const listener of listeners) listener.send(message, { binary: false });
}

const server = new WebSocketServer({ host: "127.0.0.1", port: Number(process.env.PORT), backlog: 1024, perMessageDeflate: false });
server.on("connection", (socket, request) => {
  if (request.url === "/send") socket.on("message", broadcast);
  else listen(socket);
});
server.on("listening", () => console.log("ready"));
