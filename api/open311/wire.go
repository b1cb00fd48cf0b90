package open311

import (
	"encoding/json"
	"encoding/xml"
	"strconv"
	"time"
)

// maybe is a text that may be missing: null in JSON, an empty element in XML.
type maybe string

func (m maybe) MarshalJSON() ([]byte, error) {
	if m == "" {
		return []byte("null"), nil
	}
	return json.Marshal(string(m))
}

// number is maybe for what is a number in JSON.
type number string

func (n number) MarshalJSON() ([]byte, error) {
	if n == "" {
		return []byte("null"), nil
	}
	return []byte(n), nil
}

func degrees(f float64) number { return number(strconv.FormatFloat(f, 'f', 6, 64)) }

// moment writes W3C date and time with an offset; zero is missing.
func moment(t time.Time, zone *time.Location) maybe {
	if t.IsZero() {
		return ""
	}
	return maybe(t.In(zone).Format("2006-01-02T15:04:05-07:00"))
}

type discoveryWire struct {
	XMLName    xml.Name       `xml:"discovery" json:"-"`
	Changeset  maybe          `xml:"changeset" json:"changeset"`
	Contact    string         `xml:"contact" json:"contact"`
	KeyService string         `xml:"key_service" json:"key_service"`
	Endpoints  []endpointWire `xml:"endpoints>endpoint" json:"endpoints"`
}

type endpointWire struct {
	Specification string   `xml:"specification" json:"specification"`
	URL           string   `xml:"url" json:"url"`
	Changeset     maybe    `xml:"changeset" json:"changeset"`
	Type          string   `xml:"type" json:"type"`
	Formats       []string `xml:"formats>format" json:"formats"`
}

type serviceWire struct {
	XMLName     xml.Name `xml:"service" json:"-"`
	Code        string   `xml:"service_code" json:"service_code"`
	Name        string   `xml:"service_name" json:"service_name"`
	Description maybe    `xml:"description" json:"description"`
	Metadata    bool     `xml:"metadata" json:"metadata"`
	Type        string   `xml:"type" json:"type"`
	Keywords    maybe    `xml:"keywords" json:"keywords"`
	Group       maybe    `xml:"group" json:"group"`
}

type definitionWire struct {
	XMLName    xml.Name              `xml:"service_definition" json:"-"`
	Code       string                `xml:"service_code" json:"service_code"`
	Attributes listOf[attributeWire] `xml:"attributes" json:"attributes"`
}

type attributeWire struct {
	XMLName      xml.Name           `xml:"attribute" json:"-"`
	Variable     bool               `xml:"variable" json:"variable"`
	Code         string             `xml:"code" json:"code"`
	Datatype     string             `xml:"datatype" json:"datatype"`
	Required     bool               `xml:"required" json:"required"`
	DatatypeHelp maybe              `xml:"datatype_description" json:"datatype_description"`
	Order        int                `xml:"order" json:"order"`
	Description  string             `xml:"description" json:"description"`
	Values       *listOf[valueWire] `xml:"values,omitempty" json:"values,omitempty"`
}

type valueWire struct {
	XMLName xml.Name `xml:"value" json:"-"`
	Key     string   `xml:"key" json:"key"`
	Name    string   `xml:"name" json:"name"`
}

type requestWire struct {
	XMLName   xml.Name `xml:"request" json:"-"`
	ID        string   `xml:"service_request_id" json:"service_request_id"`
	Status    string   `xml:"status" json:"status"`
	Notes     maybe    `xml:"status_notes" json:"status_notes"`
	Name      string   `xml:"service_name" json:"service_name"`
	Code      string   `xml:"service_code" json:"service_code"`
	Text      maybe    `xml:"description" json:"description"`
	Agency    maybe    `xml:"agency_responsible" json:"agency_responsible"`
	Notice    maybe    `xml:"service_notice" json:"service_notice"`
	Requested maybe    `xml:"requested_datetime" json:"requested_datetime"`
	Updated   maybe    `xml:"updated_datetime" json:"updated_datetime"`
	Expected  maybe    `xml:"expected_datetime" json:"expected_datetime"`
	Address   maybe    `xml:"address" json:"address"`
	AddressID maybe    `xml:"address_id" json:"address_id"`
	Zip       maybe    `xml:"zipcode" json:"zipcode"`
	Lat       number   `xml:"lat" json:"lat"`
	Long      number   `xml:"long" json:"long"`
	Media     maybe    `xml:"media_url" json:"media_url"`
}

type filedWire struct {
	XMLName xml.Name `xml:"request" json:"-"`
	ID      string   `xml:"service_request_id" json:"service_request_id"`
	Notice  maybe    `xml:"service_notice" json:"service_notice"`
	Account maybe    `xml:"account_id" json:"account_id"`
}

type tokenWire struct {
	XMLName xml.Name `xml:"request" json:"-"`
	ID      string   `xml:"service_request_id" json:"service_request_id"`
	Token   string   `xml:"token" json:"token"`
}

type updateWire struct {
	XMLName xml.Name `xml:"request_update" json:"-"`
	ID      string   `xml:"update_id" json:"update_id"`
	Request string   `xml:"service_request_id" json:"service_request_id"`
	Status  string   `xml:"status" json:"status"`
	Updated maybe    `xml:"updated_datetime" json:"updated_datetime"`
	Text    maybe    `xml:"description" json:"description"`
	Media   maybe    `xml:"media_url" json:"media_url"`
}

type remarkedWire struct {
	XMLName xml.Name `xml:"request_update" json:"-"`
	ID      string   `xml:"update_id" json:"update_id"`
}

type errorWire struct {
	XMLName     xml.Name `xml:"error" json:"-"`
	Code        int      `xml:"code" json:"code"`
	Description string   `xml:"description" json:"description"`
}

// listOf puts elements under a root in XML; JSON knows the bare list.
type listOf[T any] struct {
	root  string
	items []T
}

func (l listOf[T]) MarshalJSON() ([]byte, error) {
	if l.items == nil {
		return []byte("[]"), nil
	}
	return json.Marshal(l.items)
}

func (l listOf[T]) MarshalXML(e *xml.Encoder, _ xml.StartElement) error {
	start := xml.StartElement{Name: xml.Name{Local: l.root}}
	if err := e.EncodeToken(start); err != nil {
		return err
	}
	for _, it := range l.items {
		if err := e.Encode(it); err != nil {
			return err
		}
	}
	return e.EncodeToken(start.End())
}
