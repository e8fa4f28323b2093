import { render } from "preact"
import "./styles.css"
import { App } from "./app"
import { installServiceWorker } from "./offline/install"

render(<App />, document.getElementById("app")!)
installServiceWorker()
