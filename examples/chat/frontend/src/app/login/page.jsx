import { LoginForm } from "@/views/login";
import { settings } from "@/lib/settings";

export const metadata = { title: "Sign in" };

export default async function LoginPage({ searchParams }) {
  const { ended } = await searchParams;
  return <LoginForm settings={settings()} ended={Boolean(ended)} />;
}
