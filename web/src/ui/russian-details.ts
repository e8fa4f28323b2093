/** Russian translations of the service's errors, by the code of the problem. Loaded with `russian-problems.ts`. */

/** A pattern of a whole English text, and its translation with the groups of the pattern. */
export type Rule = readonly [RegExp, string]

const FORMATS = "Подойдут PNG, JPEG, WebP, GIF, BMP и TIFF."

/** The details by the code of the problem. */
export const DETAILS: Readonly<Record<string, readonly Rule[]>> = {
  not_found: [
    [
      /^There is no version '(.*)' of (?:model )?'?([^']+?)'?\. Choose one of \[?(.+?)\]?\.$/,
      "У модели $2 нет версии $1. Выберите одну из: $3.",
    ],
    [
      /^There is no version (\d+) of model '(.+)'\. Choose one of \[?(.+?)\]?\.$/,
      "У модели $2 нет версии $1. Выберите одну из: $3.",
    ],
    [/^There is no model '(.*)'\. Choose one of:? (.+)\.$/, "Модели $1 нет. Выберите одну из: $2."],
    [/^There is no job '(.*)'\. See \/admin\/jobs for all\.$/, "Задания $1 нет. Выберите другое из списка заданий."],
    [/^There is no import '(.*)'\. .+$/, "Импорта $1 нет. Список всех импортов — GET /admin/imports."],
    [
      /^There is no upload '(.*)', or it has expired\. .+$/,
      "Загрузки $1 нет, или её срок истёк. Загрузите файлы заново.",
    ],
    [/^(\S+) has no previous champion\. Name a version\.$/, "У модели $1 нет предыдущего чемпиона. Укажите версию."],
    [
      /^(\S+) has no champion to start from\. Omit warm_start\.$/,
      "У модели $1 нет чемпиона, с весов которого можно начать. Выключите тёплый старт.",
    ],
    [/^The job has no samples\. .+$/, "У задания нет образцов. Дождитесь первых. Образцы старых заданий удаляются."],
  ],
  dataset_unknown: [
    [
      /^There is no dataset '(.*)'\. Import it, or choose one of:? (.+)\.$/,
      "Набора $1 нет. Импортируйте его или выберите один из: $2.",
    ],
    [/^(\S+) has no version '?(.*?)'?\. Choose one of:? (.+)\.$/, "У набора $1 нет версии $2. Выберите одну из: $3."],
  ],
  dataset_missing: [
    [
      /^The server cannot read the pictures of (.+)\. (?:Remove the dataset and import it again|Import it again on this server, or use another model)\.$/,
      "Сервер не может прочитать картинки набора «$1». Импортируйте его ещё раз или выберите другой.",
    ],
  ],
  dataset_in_use: [
    [
      /^(.+) (?:was|were) trained on (\S+)\. Without it they are .+$/,
      "На наборе $2 обучены версии: $1. Без него они по-прежнему рисуют, но их нельзя измерить, сравнить в «Угадайке» и обучить заново.",
    ],
    [
      /^Job (\S+) needs (\S+)\. Cancel it, or wait for it\.$/,
      "Набор $2 нужен заданию $1. Отмените задание или дождитесь его завершения.",
    ],
    [
      /^(\S+) is a published dataset and part of the software\. .+$/,
      "Набор $1 опубликован и входит в поставку. Удалять можно только импортированные наборы.",
    ],
  ],
  token_missing: [
    [
      /^(\S+) is not a published dataset\. .+$/,
      "$1 — не опубликованный набор. Если он импортирован, введите токен на странице «Данные».",
    ],
    [
      /^A (?:bearer )?token is required\. .+$/,
      "Нужен токен. Введите его в поле «Токен» на странице «Обучение». Если токен не задан, сервис создаёт его в файле admin-token в своей папке состояния.",
    ],
  ],
  token_invalid: [
    [
      /^This token is unknown\. .+$/,
      "Такого токена нет. Если токен не задан, сервис создаёт его в файле admin-token в своей папке состояния.",
    ],
  ],
  insufficient_scope: [
    [
      /^The token of (.+) is read-only\. .+$/,
      "Токен «$1» даёт право только на чтение. Введите токен администратора.",
    ],
  ],
  too_many_attempts: [
    [
      /^Your network has sent too many invalid tokens\. Try again in (\d+) s\.$/,
      "Из вашей сети пришло слишком много неверных токенов. Повторите через $1 с.",
    ],
    [
      /^The service is receiving too many invalid tokens\. Try again in (\d+) s\.$/,
      "Сервис получает слишком много неверных токенов. Повторите через $1 с.",
    ],
  ],
  too_many_requests: [
    [
      /^The rate limit is (\S+) requests per second\. Try again in (\d+) s\.$/,
      "Превышен лимит запросов в секунду: $1. Повторите через $2 с.",
    ],
  ],
  queue_full: [
    [
      /^(\d+) jobs are already waiting\. .+$/,
      "Очередь заполнена, ожидающих заданий: $1. Отмените одно из них или повторите, когда какое-нибудь завершится.",
    ],
  ],
  too_many_uploads: [
    [
      /^There are (\d+) uploads already\. .+$/,
      "Уже хранится $1 загрузок — это предел. Импортируйте или удалите часть из них (GET и DELETE /admin/uploads).",
    ],
  ],
  job_conflict: [
    [
      /^Job (\S+) has .+, so there is nothing to cancel\. .+$/,
      "Задание $1 уже завершилось, отменять нечего. Делать ничего не нужно.",
    ],
    [
      /^Job (\S+) is (\w+)\. Only cancelled, failed and interrupted jobs can be resumed\.$/,
      "Задание $1 нельзя продолжить (состояние: {$2}). Продолжить можно отменённое, прерванное или завершившееся ошибкой.",
    ],
    [
      /^The checkpoints of job (\S+) were deleted to save space\. .+$/,
      "Контрольные точки задания $1 удалены, чтобы освободить место. Запустите такое же задание заново.",
    ],
    [
      /^Job (\S+) is now (\w+), no longer (\w+)\. Read it again\.$/,
      "Состояние задания $1 сменилось с «{$3}» на «{$2}». Обновите страницу.",
    ],
  ],
  version_in_service: [
    [
      /^(\S+) is the champion\. Promote another version first\.$/,
      "Версия $1 — чемпион. Сначала сделайте чемпионом другую.",
    ],
    [
      /^Job (\S+) will start from version (\d+) of (\S+)\. .+$/,
      "Задание $1 начнётся с версии $2 модели $3. Отмените его или дождитесь завершения.",
    ],
  ],
  precondition_failed: [
    [
      /^The champion of (\S+) is version (\d+)\. To replace it, .+$/,
      "Чемпион модели $1 сменился: теперь это версия $2. Обновите страницу и повторите.",
    ],
  ],
  import_conflict: [
    [
      /^Import (\S+) is already reading this upload\. .+$/,
      "Эти файлы уже читает импорт $1. Дождитесь его завершения или сначала отмените его.",
    ],
    [
      /^Import (\S+) is \w+, so there is nothing to cancel\. .+$/,
      "Импорт $1 уже завершился, отменять нечего. Делать ничего не нужно.",
    ],
  ],
  upload_incomplete: [
    [
      /^The upload has (\d+) bytes of (\d+)\. .+$/,
      "Загружено $1 байт из $2. Завершите загрузку, затем импортируйте.",
    ],
  ],
  upload_locked: [
    [
      /^Another request or an import is using this upload\. .+$/,
      "Эту загрузку использует другой запрос или импорт. Повторите через секунду.",
    ],
  ],
  too_many_imports: [
    [
      /^(\d+) imports and previews are running\. .+$/,
      "Уже выполняется импортов и просмотров: $1. Повторите, когда один из них завершится.",
    ],
  ],
  body_too_large: [
    [
      /^The file has ([\d,]+) bytes, and ([\d,]+) are allowed\. .+$/,
      "Размер файла — $1 байт, а допустимо $2. Разделите его на несколько наборов или увеличьте GAN_MAX_DATASET_BYTES.",
    ],
    [/^The file is larger than ([\d,]+) bytes\. .+$/, "Файл больше $1 байт. Возьмите файл поменьше."],
    [/^The (?:body|form) is larger than ([\d,]+) bytes[.;] .+$/, "Запрос больше $1 байт. Отправьте меньше данных."],
  ],
  picture_too_large: [
    [
      /^The picture has (.+) pixels, but the limit is ([\d,]+) per side\. .+$/,
      "Размер картинки — $1 пикселей, а допустимо $2 по каждой стороне. Уменьшите её.",
    ],
    [
      /^The picture has (.+) pixels, but the limit is ([\d,]+)\. .+$/,
      "Размер картинки — $1 пикселей, а всего допустимо $2. Уменьшите её.",
    ],
    [/^The picture has more than ([\d,]+) pixels\. .+$/, "В картинке больше $1 пикселей. Уменьшите её."],
  ],
  picture_unsupported: [
    [
      /^The file is not a \w+, .+, or is only its first bytes\. .+$/,
      `Это не картинка или только начало файла. ${FORMATS}`,
    ],
    [
      /^The file is not a PNG\. .+$/,
      "Это не PNG. О своём происхождении сообщают только файлы PNG и APNG: выберите файл, сохранённый в Seedling.",
    ],
    [
      /^The TIFF (?:is compressed \(.+\)|has an unsupported layout).*$/,
      "Такой TIFF не поддерживается. Сохраните его без сжатия, с 8 битами на канал, или как PNG.",
    ],
  ],
  picture_invalid: [
    [/^The file is empty\. .+$/, `Файл пуст. ${FORMATS}`],
    [
      /^The picture is damaged or cut off \((.+)\)\. .+$/,
      "Картинка повреждена или обрезана ($1). Сохраните её заново и отправьте файл целиком.",
    ],
  ],
  picture_blank: [
    [/^The picture is blank, .+$/, "Картинка пустая, смотреть не на что. Выберите картинку с предметом на фоне."],
  ],
  seed_invalid: [
    [
      /^(\S+) is a number, but a numeric seed must be an integer in 0\.\.(\d+), .+$/,
      "Числовое зерно должно быть целым от 0 до $2, а задано $1. Введите такое число или текст.",
    ],
    [/^The seed is empty\. .+$/, "Зерно пустое. Введите целое число или текст."],
    [
      /^'(.*)' is neither an integer nor a range\. .+$/,
      "«$1» — не целое число и не диапазон. Зёрна записываются так: 0-63,100.",
    ],
    [/^The range (\S+) is descending\. Write it as (\S+)\.$/, "Диапазон $1 убывает. Запишите его как $2."],
  ],
  label_invalid: [
    [
      /^There is no class '(.*)'\. Choose an index in (\d+)\.\.(\d+) or one of (.+)\.$/,
      "Класса $1 нет. Укажите номер от $2 до $3 или одно из имён: $4.",
    ],
    [/^This model is unconditional: .+$/, "У этой модели нет классов. Уберите класс."],
  ],
  edit_invalid: [
    [
      /^(\S+) has no direction '(.*)'\. Choose one of (.+)\.$/,
      "У версии $1 нет направления $2. Выберите одно из: $3.",
    ],
    [/^(\S+) has no directions\. .+$/, "У версии $1 нет направлений. Уберите правку."],
    [
      /^The amount of '(.*)' must be in (\S+)\.\.(\S+), not (\S+)\.$/,
      "Сдвиг по направлению $1 должен быть от $2 до $3, а задан $4.",
    ],
    [
      /^'(.*)' is not the name of a direction with an amount\. .+$/,
      "«$1» — не имя направления со сдвигом. Правка записывается так: slant:1.5,thickness:-0.5.",
    ],
    [/^The edit names a direction twice\. .+$/, "Одно направление названо в правке дважды. Оставьте одно."],
  ],
  parents_invalid: [
    [
      /^A parent is missing\. .+$/,
      "Не хватает родителя. Родители записываются так: 42,7; ребёнок как родитель — так: (42,7,3),99, где 3 — его номер.",
    ],
  ],
  too_much: [
    [
      /^The limit is (\S+) pictures per request\. .+$/,
      "В одном запросе может быть не больше $1 картинок. Разделите зёрна на несколько запросов.",
    ],
    [
      /^The limit is (\S+) frames per request, not (\S+)\. .+$/,
      "В одном запросе может быть не больше $1 кадров, а здесь их $2. Уменьшите число ключевых кадров или шагов.",
    ],
    [
      /^The limit is (\S+) keyframes, not (\S+)\. .+$/,
      "Ключевых кадров может быть не больше $1, а здесь их $2. Уберите лишние.",
    ],
    [
      /^The limit is (\S+) pixels per request as (\S+), not (\S+)\. .+$/,
      "В формате $2 в одном запросе может быть не больше $1 пикселей, а здесь их $3. Запросите меньше картинок, меньший масштаб или другой формат.",
    ],
  ],
  task_mismatch: [
    [
      /^(\S+) sharpens pictures\W+Choose one of: (.+)\.$/,
      "Модель $1 повышает резкость, а не рисует. Выберите одну из: $2.",
    ],
    [
      /^(\S+) draws pictures from seeds and cannot sharpen one\W+Choose one of: (.+)\.$/,
      "Модель $1 рисует картинки по зёрнам и не повышает резкость. Выберите одну из: $2.",
    ],
    [
      /^(\S+) has the task (\S+), but the new version would have the task (\S+)\. .+$/,
      "Задача модели $1 — $2, а новой версии — $3. Выберите другую модель или пресет для задачи $2.",
    ],
  ],
  no_trainer: [
    [
      /^No trainer is available\. .+$/,
      "Обучать некому. Выполните make setup-train и перезапустите сервис или запустите python -m app.retraining в окружении с torch и той же папкой состояния.",
    ],
  ],
  store_unavailable: [
    [
      /^The job store cannot be opened \((.+?)\)\. .+$/,
      "Не удаётся открыть хранилище заданий ($1). Освободите место на диске и разрешите запись в папку состояния. Сервис повторяет попытки сам.",
    ],
  ],
  disk_full: [
    [
      /^The disk has ([\d,]+) bytes left, but ([\d,]+) are needed: .+$/,
      "На диске осталось $1 байт, а нужно $2. Освободите место или удалите загрузки и продолжите.",
    ],
    [
      /^The disk is full \(.+$/,
      "Диск заполнен. Полученное сохранено. Освободите место или удалите загрузки и продолжите.",
    ],
  ],
  not_ready: [[/^The champion is not loaded yet\. .+$/, "Чемпион ещё не загружен. Повторите через секунду."]],
  version_unusable: [
    [
      /^No model can be served\. .+$/,
      "Ни одной модели нет. Обучите и экспортируйте модель или укажите в GAN_SHIPPED папку с моделями.",
    ],
  ],
  overloaded: [
    [/^Pictures are requested faster .+$/, "Картинки запрашиваются быстрее, чем рисуются. Повторите через секунду."],
  ],
  too_many_connections: [
    [
      /^Too many connections are open\. .+$/,
      "Открыто слишком много соединений. Закройте лишние и повторите через секунду.",
    ],
  ],
  too_many_streams: [
    [/^You have (\d+) open event streams\. .+$/, "У вас уже открыто потоков событий: $1. Закройте один и повторите."],
    [
      /^(\d+) event streams are open\. .+$/,
      "Открыто слишком много потоков событий ($1). Повторите через несколько секунд.",
    ],
  ],
  busy: [
    [
      /^Too many large responses are still unread\. .+$/,
      "Слишком много больших ответов ещё не прочитано. Повторите через несколько секунд.",
    ],
    [
      /^Too many large requests are waiting\. .+$/,
      "Слишком много больших запросов ждёт очереди. Повторите через несколько секунд или запросите меньше.",
    ],
    [
      /^The preview took longer than (\d+) seconds\. .+$/,
      "Просмотр занял больше $1 с. Повторите, когда сервис будет меньше занят, или импортируйте без просмотра.",
    ],
  ],
  internal_error: [
    [
      /^The service failed because of an internal error\. .+$/,
      "В сервисе произошла внутренняя ошибка. Попросите администратора найти причину в журнале.",
    ],
  ],
  invalid_request: [
    [
      /^Several runs are compared after equal numbers of images\. .+$/,
      "Несколько прогонов сравниваются после одинакового числа картинок. Задайте бюджет по числу картинок или обучайте один прогон.",
    ],
    [
      /^The request is for (\d+) runs\. Request at most (\d+): .+$/,
      "Получилось бы прогонов: $1, а можно не больше $2. Уменьшите число зёрен или сократите сетку.",
    ],
    [
      /^Runs with different (\S+) cannot be compared by KID\. .+$/,
      "Прогоны с разными $1 нельзя сравнить по KID. Уберите это поле из сетки.",
    ],
    [/^(\S+) is set by another field\. Use (\S+)\.$/, "Значение $1 задаётся другим полем: $2."],
    [
      /^(\S+) has no classes\. Omit conditional from (\S+), .+$/,
      "У набора $1 нет классов. Уберите conditional из $2 или выберите другой набор.",
    ],
    [
      /^(\S+) has no \S+ to start from: .+$/,
      "У версии $1 нет файла weights.pt, с которого можно начать: у версий из поставки его убирают, когда они перестают быть чемпионом. Сделайте чемпионом версию с весами или выключите тёплый старт.",
    ],
    [
      /^A warm start keeps the champion's classes, which are from (\S+)\. .+$/,
      "Тёплый старт сохраняет классы чемпиона, а они из набора $1. Не выбирайте набор или выключите тёплый старт.",
    ],
  ],
}
