// A link to another page. Every page is made for its visitor at that moment: fetched ahead it would only be old.
import Link from "next/link";

export const PageLink = (props) => <Link prefetch={false} {...props} />;
