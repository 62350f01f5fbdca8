// Serves a receiver as Express does: it answers 500 to an exception.
import { createServer } from "node:http";

/** Serves on a free port and prints its URL. `receive` gets the headers and the raw body, and returns a status. */
export function serve(receive) {
  const server = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    try {
      response.writeHead(receive(request.headers, Buffer.concat(chunks))).end();
    } catch {
      response.writeHead(500).end();
    }
  });
  server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}/hooks`));
}
