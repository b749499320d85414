// The API as a page made on the server asks it: with the visitor's cookie.
import "server-only";
import { cookies } from "next/headers";
import { redirect } from "next/navigation";
import { cache } from "react";

import { internalApiUrl } from "./settings";

const timeoutMs = 10_000;

/**
 * The answer, or `{ refused }` with the API's words where it says no (403, 404). Who is not signed in goes to the sign-in page.
 * Asked once for each address and request.
 */
export const ask = cache(async (path) => {
  const token = (await cookies()).get("chat_token");
  if (!token) redirect("/login");
  const answer = await fetch(`${internalApiUrl()}${path}`, {
    headers: { Accept: "application/json", Cookie: `chat_token=${encodeURIComponent(token.value)}` },
    cache: "no-store",
    signal: AbortSignal.timeout(timeoutMs),
  });
  if (answer.status === 401) redirect("/login?ended=1");
  const body = await answer.json().catch(() => ({}));
  if (answer.status === 403 || answer.status === 404) return { refused: body.message || "This is not yours to see." };
  if (!answer.ok) throw new Error(`${path} was answered ${answer.status}`);
  return body;
});
