"""What is written on the screens of a composed series. All invented."""

TITLES = (
    *("Северный мост", "Тихая гавань", "Час совы", "Дом на холме", "Медная луна", "Соседи сверху"),
    *(
        "Последний трамвай",
        "Белая просека",
        "Ключи от лета",
        "Полынья",
        "Чужой почерк",
        "Вторая смена",
    ),
    *("Город под дождём", "Рыжий кот", "Линия прибоя", "Старый маяк", "Хроники депо", "Ясный день"),
    *(
        "Harbour Lights",
        "Paper Rivers",
        "Night Ferry",
        "Copper Hill",
        "Borrowed Rooms",
        "Salt Road",
    ),
    *(
        "Quiet Engines",
        "Winter Orchard",
        "Signal Street",
        "Glass Garden",
        "Seven Doors",
        "Blue Depot",
    ),
    *(
        "Tin Parade",
        "Mister Thursday",
        "Long Meadow",
        "Under the Pier",
        "Kite Season",
        "Small Thunder",
    ),
)
PEOPLE = (
    *(
        "А. Ветрова",
        "М. Лунин",
        "Е. Сабурова",
        "Г. Дроздов",
        "Т. Мельник",
        "И. Ярцев",
        "О. Полевая",
    ),
    *("В. Кедров", "Н. Шумилова", "Ю. Чагин", "L. Marlow", "R. Finch", "S. Okada", "D. Hollis"),
    *("J. Arden", "K. Vance", "P. Quill", "W. Sommer", "F. Zeller", "B. Eddy"),
)
TASKS = ("сценарий", "оператор", "музыка", "монтаж", "художник", "written by", "music", "edited by")
STUDIOS = (
    "Стрела фильм",
    "Кинодвор",
    "Юла",
    "Northlight",
    "Big Kettle",
    "Moth Pictures",
    "Шесть окон",
)
CAPTIONS = (
    *("Три дня спустя", "Вечер. Вокзал", "Год назад", "На другом берегу", "Понедельник, 7:40"),
    *("Two weeks earlier", "The next morning", "Somewhere north", "Chapter two", "10 km from town"),
)
LINES = (
    *(
        "Ты опять не закрыла окно.",
        "Подожди, я сейчас.",
        "Он уехал ещё утром.",
        "И что нам делать?",
    ),
    *("Я этого не говорил.", "Здесь кто-то был.", "Дай мне минуту.", "Поезд уже ушёл."),
    *("I left it on the table.", "Who told you that?", "We should go now.", "It was not there."),
    *("Not before Friday.", "You never asked.", "Wait for me here.", "That is the last one."),
)
