// What of htmx the pages use. Its settings stand in the page's meta element
// htmx-config: no inline styles and no code from attributes, as the content
// security policy asks.
import "htmx.org";
