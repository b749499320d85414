import "./globals.css";

// What the environment says is read when the server answers, not when it was built.
export const dynamic = "force-dynamic";
export const metadata = { title: "Chat", description: "A chat that polled, on Parley" };
export const viewport = { width: "device-width", initialScale: 1, themeColor: [{ media: "(prefers-color-scheme: dark)", color: "#14181f" }, { color: "#ffffff" }] };

export default function RootLayout({ children }) {
  return (
    <html lang="en">
      <body>{children}</body>
    </html>
  );
}
