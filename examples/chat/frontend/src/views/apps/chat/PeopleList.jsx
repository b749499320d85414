import { Avatar } from "@/components/Avatar";
import { useSession } from "@/components/Session";
import { useNow } from "@/hooks/useNow";
import { statusInWords } from "@/lib/time";

export function PeopleList({ people, shown }) {
  const { user } = useSession();
  const now = useNow();
  return (
    <aside id="people" className={shown ? "people shown" : "people"} aria-label="People of this domain">
      <h2>People</h2>
      <ul>
        {people.map((person) => (
          <li key={person.id} data-user={person.id} data-status={person.status}>
            <Avatar {...person} size={32} />
            <span>
              {person.name}
              {person.id === user.id && <span className="quiet"> (you)</span>}
              <small>{statusInWords(person, now)}</small>
            </span>
          </li>
        ))}
      </ul>
    </aside>
  );
}
