"use client";
// In the place of a page that could not be made: the API is away, mostly for a moment.
import { useRouter } from "next/navigation";
import { startTransition } from "react";

export function NoAnswer({ reset }) {
  const router = useRouter();
  const again = () =>
    startTransition(() => {
      router.refresh();
      reset();
    });
  return (
    <div className="card" role="alert">
      <h1>The server does not answer</h1>
      <p>Nothing is lost. It may be back in a moment.</p>
      <button type="button" onClick={again}>
        Try again
      </button>
    </div>
  );
}
