import Link from "next/link";

export default function NotFound() {
  return (
    <main className="centre">
      <div className="card">
        <h1>There is no such page</h1>
        <Link href="/">To the overview</Link>
      </div>
    </main>
  );
}
