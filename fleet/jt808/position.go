package jt808

import (
	"encoding/binary"
	"strconv"
	"time"
)

// Position is what 0x0200 reports: where a vehicle was at a moment, how it moved,
// what its terminal is alarmed of.
//
// Lat and Lon are millionths of a degree, negative in the south and west; with
// StatusEncrypted set they mean nothing without the key. They and Time are as
// reported: places beyond the poles and years in the future are for the caller
// to doubt.
type Position struct {
	Alarm    Alarm
	Status   Status
	Lat, Lon int64
	Altitude uint16    // metres
	Speed    uint16    // tenths of km/h
	Course   uint16    // degrees from north, clockwise
	Time     time.Time // whole seconds, UTC
	Items    Items     // additional items as carried
}

// basic is the length of a position without additional items.
const basic = 28

// Decode reads the body of a position and allocates nothing: Items lie in body.
func (p *Position) Decode(body []byte) error {
	if len(body) < basic {
		return &Error{Reason: BadBody, ID: IDPosition}
	}
	t, why := readTime(body[22:], china)
	if why != "" {
		return &Error{Reason: why, ID: IDPosition}
	}
	p.Alarm = Alarm(binary.BigEndian.Uint32(body))
	p.Status = Status(binary.BigEndian.Uint32(body[4:]))
	p.Lat, p.Lon = int64(binary.BigEndian.Uint32(body[8:])), int64(binary.BigEndian.Uint32(body[12:]))
	if p.Status&StatusSouth != 0 {
		p.Lat = -p.Lat
	}
	if p.Status&StatusWest != 0 {
		p.Lon = -p.Lon
	}
	p.Altitude, p.Speed, p.Course = binary.BigEndian.Uint16(body[16:]), binary.BigEndian.Uint16(body[18:]), binary.BigEndian.Uint16(body[20:])
	p.Time = t
	p.Items = nil
	if len(body) > basic {
		p.Items = body[basic:]
	}
	return nil
}

// Degrees is the place in degrees.
func (p Position) Degrees() (lat, lon float64) { return float64(p.Lat) / 1e6, float64(p.Lon) / 1e6 }

// ID is IDPosition.
func (p Position) ID() ID { return IDPosition }

// append writes the body. The signs of Lat and Lon go before the status's bits of
// south and west, which matter for zero only.
func (p Position) append(dst []byte, _ bool) ([]byte, error) {
	lat, south := magnitude(p.Lat)
	lon, west := magnitude(p.Lon)
	if lat > 1<<32-1 || lon > 1<<32-1 {
		return nil, &Error{Reason: BadField, ID: IDPosition}
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(p.Alarm))
	dst = binary.BigEndian.AppendUint32(dst, uint32(p.Status.signed(StatusSouth, p.Lat, south).signed(StatusWest, p.Lon, west)))
	dst = binary.BigEndian.AppendUint32(dst, uint32(lat))
	dst = binary.BigEndian.AppendUint32(dst, uint32(lon))
	dst = binary.BigEndian.AppendUint16(dst, p.Altitude)
	dst = binary.BigEndian.AppendUint16(dst, p.Speed)
	dst = binary.BigEndian.AppendUint16(dst, p.Course)
	dst, err := appendTime(dst, p.Time, china)
	if err != nil {
		return nil, &Error{Reason: BadField, ID: IDPosition}
	}
	return append(dst, p.Items...), nil
}

func magnitude(v int64) (uint64, bool) {
	if v < 0 {
		return -uint64(v), true
	}
	return uint64(v), false
}

func (s Status) signed(bit Status, v int64, negative bool) Status {
	switch {
	case negative:
		return s | bit
	case v > 0:
		return s &^ bit
	}
	return s
}

// Alarm is the word of alarm bits (报警标志).
type Alarm uint32

const (
	AlarmSOS              Alarm = 1 << iota // 紧急报警
	AlarmOverspeed                          // 超速报警
	AlarmFatigue                            // 疲劳驾驶
	AlarmDanger                             // 危险预警
	AlarmGNSSFault                          // GNSS 模块发生故障
	AlarmAntennaCut                         // GNSS 天线未接或被剪断
	AlarmAntennaShort                       // GNSS 天线短路
	AlarmLowPower                           // 终端主电源欠压
	AlarmPowerOff                           // 终端主电源掉电
	AlarmDisplayFault                       // 终端 LCD 或显示器故障
	AlarmSpeechFault                        // TTS 模块故障
	AlarmCameraFault                        // 摄像头故障
	AlarmCardReaderFault                    // 道路运输证 IC 卡模块故障
	AlarmSpeedWarning                       // 超速预警
	AlarmFatigueWarning                     // 疲劳驾驶预警
	AlarmForbiddenDriving                   // 2019: 违规行驶报警
	AlarmTyrePressure                       // 2019: 胎压预警
	AlarmBlindSpot                          // 2019: 右转盲区异常报警
	AlarmDailyDriving                       // 当天累计驾驶超时
	AlarmOvertimeStop                       // 超时停车
	AlarmArea                               // 进出区域
	AlarmRoute                              // 进出路线
	AlarmSectionTime                        // 路段行驶时间不足或过长
	AlarmOffRoute                           // 路线偏离报警
	AlarmSpeedSensorFault                   // 车辆 VSS 故障
	AlarmFuel                               // 车辆油量异常
	AlarmTheft                              // 车辆被盗
	AlarmIllegalIgnition                    // 车辆非法点火
	AlarmIllegalMove                        // 车辆非法位移
	AlarmCollision                          // 碰撞预警; 2019: 碰撞侧翻报警
	AlarmRollover                           // 侧翻预警
	AlarmIllegalDoor                        // 非法开门报警
)

var alarmNames = [32]string{
	"sos", "overspeed", "fatigue", "danger", "gnss_fault", "antenna_cut", "antenna_short", "low_power",
	"power_off", "display_fault", "speech_fault", "camera_fault", "card_reader_fault", "speed_warning", "fatigue_warning", "forbidden_driving",
	"tyre_pressure", "blind_spot", "daily_driving", "overtime_stop", "area", "route", "section_time", "off_route",
	"speed_sensor_fault", "fuel", "theft", "illegal_ignition", "illegal_move", "collision", "rollover", "illegal_door",
}

const alarms2019 = AlarmForbiddenDriving | AlarmTyrePressure | AlarmBlindSpot

// Names lists the bits that are set, lowest first. A bit that the version leaves
// open is named by its number, such as "bit_16": vendors give it their own sense.
func (a Alarm) Names(v2019 bool) []string {
	open := alarms2019
	if v2019 {
		open = 0
	}
	return names(uint32(a), uint32(open), &alarmNames)
}

// Status is the word of status bits (状态).
type Status uint32

const (
	StatusACC       Status = 1 << 0 // ACC 开
	StatusFixed     Status = 1 << 1 // 定位: the position is the moment's own
	StatusSouth     Status = 1 << 2 // 南纬
	StatusWest      Status = 1 << 3 // 西经
	StatusSuspended Status = 1 << 4 // 停运状态
	StatusEncrypted Status = 1 << 5 // 经纬度已经保密插件加密
	StatusForward   Status = 1 << 6 // 2019: 紧急刹车系统采集的前撞预警
	StatusLane      Status = 1 << 7 // 2019: 车道偏移预警
	StatusLoad      Status = 3 << 8 // 00 空车 01 半载 11 满载, see Load
	StatusFuelCut   Status = 1 << 10
	StatusPowerCut  Status = 1 << 11
	StatusLocked    Status = 1 << 12 // 车门加锁
	StatusDoor1     Status = 1 << 13 // 前门开
	StatusDoor2     Status = 1 << 14 // 中门开
	StatusDoor3     Status = 1 << 15 // 后门开
	StatusDoor4     Status = 1 << 16 // 驾驶席门开
	StatusDoor5     Status = 1 << 17 // 自定义的门开
	StatusGPS       Status = 1 << 18
	StatusBeiDou    Status = 1 << 19
	StatusGLONASS   Status = 1 << 20
	StatusGalileo   Status = 1 << 21
	StatusMoving    Status = 1 << 22 // 2019: 车辆处于行驶状态
)

var statusNames = [32]string{
	0: "acc", 1: "fixed", 2: "south", 3: "west", 4: "suspended", 5: "encrypted", 6: "forward_collision", 7: "lane_departure",
	10: "fuel_cut", 11: "power_cut", 12: "locked", 13: "door_1", 14: "door_2", 15: "door_3", 16: "door_4", 17: "door_5",
	18: "gps", 19: "beidou", 20: "glonass", 21: "galileo", 22: "moving",
}

const status2019 = StatusForward | StatusLane | StatusMoving

// Names lists the bits that are set, lowest first, without the load; see
// Alarm.Names.
func (s Status) Names(v2019 bool) []string {
	open := status2019
	if v2019 {
		open = 0
	}
	return names(uint32(s&^StatusLoad), uint32(open), &statusNames)
}

// Load is how full the vehicle is: 0 empty, 1 half, 3 full; 2 is reserved.
func (s Status) Load() uint8 { return uint8(s & StatusLoad >> 8) }

func names(word, open uint32, names *[32]string) []string {
	list := []string{}
	for i := range 32 {
		bit := uint32(1) << i
		switch {
		case word&bit == 0:
		case open&bit != 0 || names[i] == "":
			list = append(list, "bit_"+strconv.Itoa(i))
		default:
			list = append(list, names[i])
		}
	}
	return list
}
