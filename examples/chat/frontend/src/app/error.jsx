"use client";
import { NoAnswer } from "@/components/NoAnswer";

export default function PageError({ reset }) {
  return (
    <main className="centre">
      <NoAnswer reset={reset} />
    </main>
  );
}
