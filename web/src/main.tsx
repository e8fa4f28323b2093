import { render } from "preact"
import "./styles.css"
import { App } from "./app"
import { installServiceWorker } from "./offline/install"

// In a task of its own, so that the browser can answer between running the scripts and drawing the page.
setTimeout(() => render(<App />, document.getElementById("app")!))
installServiceWorker()
