-- Skips intros in mpv. Reads NAME.skip.json beside NAME.mkv, as `zastavka export --write mpv` writes it.
-- Options, in script-opts/zastavka.conf: mode=ask or auto; key=the key that skips; folder=another
-- folder with the files.
local options = {mode = "ask", key = "Ctrl+i", folder = ""}
require("mp.options").read_options(options, "zastavka")
local utils = require("mp.utils")

local segments, current = {}, nil

local function read(path)
    local file = io.open(path, "r")
    if not file then return {} end
    local document = utils.parse_json(file:read("*a"))
    file:close()
    return type(document) == "table" and type(document.skip) == "table" and document.skip or {}
end

local function skip()
    if current then mp.set_property_number("time-pos", current["end"]) end
end

local function leave()
    mp.remove_key_binding("zastavka-skip")
    current = nil
end

local function enter(segment)
    current = segment
    if options.mode == "auto" and not segment.done then
        segment.done = true -- once: who goes back wants to see it
        mp.osd_message("Skipped: " .. segment.type, 2)
        skip()
    else
        mp.add_forced_key_binding(options.key, "zastavka-skip", skip)
        mp.osd_message(options.key .. ": skip " .. segment.type, 5)
    end
end

local function at(_, time)
    if not time then return end
    for _, segment in ipairs(segments) do
        if time >= segment.start and time < segment["end"] - 0.1 then
            if current ~= segment then
                leave()
                enter(segment)
            end
            return
        end
    end
    if current then leave() end
end

mp.register_event("file-loaded", function()
    leave()
    local path = mp.get_property("path", "")
    local folder, name = utils.split_path(path)
    if options.folder ~= "" then folder = options.folder end
    segments = read(utils.join_path(folder, name:gsub("%.[^.]*$", "") .. ".skip.json"))
end)
mp.observe_property("time-pos", "number", at)
