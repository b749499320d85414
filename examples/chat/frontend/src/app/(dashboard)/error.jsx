"use client";
import { NoAnswer } from "@/components/NoAnswer";

export default function DashboardError({ reset }) {
  return (
    <div className="centre">
      <NoAnswer reset={reset} />
    </div>
  );
}
