"use client";
import { useEffect, useRef, useState } from "react";

import { Mark } from "@/components/icons";
import { Api } from "@/lib/api";
import { tellOtherTabs } from "@/lib/tabs";

export function LoginForm({ settings, ended }) {
  const [api] = useState(() => new Api(settings.apiUrl));
  const [failed, setFailed] = useState(null);
  const [waiting, setWaiting] = useState(false);
  const [alive, setAlive] = useState(false); // a form that is sent before would show the password in the address
  const email = useRef(null);
  useEffect(() => setAlive(true), []);

  const submit = async (event) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setWaiting(true);
    setFailed(null);
    try {
      const { user } = await api.login(form.get("email"), form.get("password"));
      tellOtherTabs(user.id);
      // A whole new page: nothing of before is in its memory. What its address says stays, as ?realtime=.
      const query = new URLSearchParams(window.location.search);
      query.delete("ended");
      window.location.replace(`/messages${query.size ? `?${query}` : ""}`);
    } catch (error) {
      setFailed(error.message);
      setWaiting(false);
      email.current?.focus();
    }
  };

  return (
    <main className="centre">
      <form className="card login" method="post" onSubmit={submit} aria-labelledby="login-title">
        <h1 id="login-title">
          <Mark /> Sign in
        </h1>
        {ended && !failed && <p className="note">Your session is over. Please sign in again.</p>}
        {failed && (
          <p className="wrong" role="alert">
            {failed}
          </p>
        )}
        <label>
          E-mail
          <input ref={email} type="email" name="email" autoComplete="username" required autoFocus />
        </label>
        <label>
          Password
          <input type="password" name="password" autoComplete="current-password" required />
        </label>
        <button type="submit" disabled={waiting || !alive}>
          {waiting ? "Signing in…" : "Sign in"}
        </button>
      </form>
    </main>
  );
}
