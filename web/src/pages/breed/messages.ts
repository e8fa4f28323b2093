import { texts } from "../../language"

export const messages = texts(
  {
    title: "Breed pictures",
    intro:
      "Every child has a number. It determines what the child inherits from each parent, and what mutates. Choose two or more children or parents, and breed them.",
    parents: "Parents",
    parentsHint: "Seeds, and children as in (42,7,3), separated by commas.",
    parentsShown: "Parents to breed with",
    children: "Children",
    childOf: (number: string) => `Child ${number}`,
    seed: (seed: string) => `Seed ${seed}`,
    breed: (count: number) => `Breed the selected pictures (${count})`,
    choose: "Select at least two pictures.",
    more: "Nine more children",
    earlier: "Nine earlier children",
    tree: "Family tree",
    selected: "Selected picture",
    selectOne: "Select a picture to open it in Explore or to save it.",
  },
  {
    title: "Скрещивание картинок",
    intro:
      "У каждого потомка есть номер. Он определяет, что и от кого из родителей унаследовано и что мутировало. Выберите двух или более потомков или родителей и скрестите их.",
    parents: "Родители",
    parentsHint: "Зёрна и потомки вида (42,7,3) через запятую.",
    parentsShown: "Родители для скрещивания",
    children: "Потомки",
    childOf: number => `Потомок ${number}`,
    seed: seed => `Зерно ${seed}`,
    breed: count => `Скрестить выбранных (${count})`,
    choose: "Выберите хотя бы две картинки.",
    more: "Ещё девять потомков",
    earlier: "Предыдущие девять",
    tree: "Родословная",
    selected: "Выбранная картинка",
    selectOne: "Выберите картинку, чтобы открыть её в «Обзоре» или скачать.",
  },
)
