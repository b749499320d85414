// The first page is made here, with the history in it and the channel's position at which it was read. The browser goes on from
// that position (src/hooks/useConversation.js): nothing twice, nothing lost.
import { ask } from "@/lib/server";
import Chat, { Refused } from "@/views/apps/chat";

export const metadata = { title: "Messages" };

export default async function MessagesPage({ searchParams }) {
  const { domains } = await ask("/api/me");
  const { domain: wanted } = await searchParams;
  if (wanted !== undefined && !/^[1-9]\d{0,15}$/.test(wanted)) return <Refused reason="There is no such domain." />;
  const domain = wanted === undefined ? domains[0]?.id : Number(wanted);
  if (domain === undefined) return <Refused reason="You are not a member of any domain yet." />;
  const [page, { people, refused }] = await Promise.all([ask(`/api/domains/${domain}/messages?limit=50`), ask(`/api/domains/${domain}/people`)]);
  if (page.refused || refused) return <Refused reason={page.refused ?? refused} />;
  return <Chat domain={domain} page={page} people={people} />;
}
