package pack

import (
	"errors"
	"io/fs"

	"yiwang/notify"
)

// ChannelsFile is the operator's own word on channels, in the data folder.
const ChannelsFile = "channels.yaml"

// ReadChannels reads the operator's settings of channels out of the data folder, as
// strictly as a pack. Where there is no such file nothing is said.
func ReadChannels(data fs.FS) (s notify.Settings, found []Fault) {
	if _, err := fs.Stat(data, ChannelsFile); errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	told := &faults{}
	if d := readDocument(data, ChannelsFile, told); d != nil {
		d.decode(&s)
		d.atFields(s.Check())
	}
	return s, told.sorted()
}
