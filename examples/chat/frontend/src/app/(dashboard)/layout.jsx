// Around all pages of somebody who is signed in. It stays while one goes from page to page, and with it the connection.
import { OutboxProvider } from "@/components/Outbox";
import { RealtimeProvider } from "@/components/Realtime";
import { SessionProvider } from "@/components/Session";
import { Shell } from "@/components/Shell";
import { NotificationsProvider } from "@/hooks/useGlobalMessageNotifications";
import { ask } from "@/lib/server";
import { settings } from "@/lib/settings";

export default async function DashboardLayout({ children }) {
  const [{ user, domains }, unread] = await Promise.all([ask("/api/me"), ask("/api/unread")]);
  return (
    <SessionProvider user={user} domains={domains} settings={settings()}>
      <RealtimeProvider>
        <NotificationsProvider initial={unread.domains}>
          <OutboxProvider>
            <Shell>{children}</Shell>
          </OutboxProvider>
        </NotificationsProvider>
      </RealtimeProvider>
    </SessionProvider>
  );
}
