import { PageLink } from "@/components/PageLink";

export default function NotFound() {
  return (
    <main className="centre">
      <div className="card">
        <h1>There is no such page</h1>
        <PageLink href="/">To the overview</PageLink>
      </div>
    </main>
  );
}
