import { ask } from "@/lib/server";
import WhoIsWhere from "@/views/apps/admin";
import { Refused } from "@/views/apps/chat";

export const metadata = { title: "Who is where" };

export default async function AdminPage() {
  const { people, refused } = await ask("/api/admin/people");
  return refused ? <Refused reason={refused} /> : <WhoIsWhere initial={people} />;
}
