"""Sidecars as darktable, digiKam, Lightroom, Capture One and others lay them out, written by us."""

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"

DARKTABLE = """<?xml version="1.0" encoding="UTF-8"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="XMP Core 4.4.0-Exiv2">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
    xmlns:exif="http://ns.adobe.com/exif/1.0/"
    xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:xmpMM="http://ns.adobe.com/xap/1.0/mm/"
    xmlns:darktable="http://darktable.sf.net/"
    xmlns:dc="http://purl.org/dc/elements/1.1/"
   exif:DateTimeOriginal="2023:05:14 09:31:07.120"
   xmp:Rating="2"
   xmpMM:DerivedFrom="IMG_0042.CR3"
   darktable:import_timestamp="1684054321"
   darktable:xmp_version="5"
   darktable:raw_params="0"
   darktable:auto_presets_applied="1"
   darktable:history_end="2"
   darktable:iop_order_version="4">
   <darktable:masks_history>
    <rdf:Seq/>
   </darktable:masks_history>
   <darktable:colorlabels>
    <rdf:Seq>
     <rdf:li>0</rdf:li>
     <rdf:li>3</rdf:li>
    </rdf:Seq>
   </darktable:colorlabels>
   <darktable:history>
    <rdf:Seq>
     <rdf:li
      darktable:num="0"
      darktable:operation="rawprepare"
      darktable:enabled="1"
      darktable:modversion="2"
      darktable:params="0000000000000000a100000000000000"
      darktable:multi_name=""
      darktable:multi_priority="0"
      darktable:blendop_params="gz08eJxjYGBgYAFiCQYYOOHEgAZY0QVwggZ7CB6pfOygYtaVAyCMi48L/AcCEA0A2RUZCA=="/>
     <rdf:li
      darktable:num="1"
      darktable:operation="exposure"
      darktable:enabled="1"
      darktable:params="00000000000080b93333333f00004842000080c0"/>
    </rdf:Seq>
   </darktable:history>
   <dc:creator>
    <rdf:Seq>
     <rdf:li>Ana &amp; Bj&#xF6;rn</rdf:li>
    </rdf:Seq>
   </dc:creator>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
"""

DIGIKAM = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="XMP Core 5.5.0">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
    xmlns:digiKam="http://www.digikam.org/ns/1.0/"
    xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:MicrosoftPhoto="http://ns.microsoft.com/photo/1.0/"
    xmlns:acdsee="http://ns.acdsee.com/iptc/1.0/"
    xmlns:mwg-rs="http://www.metadataworkinggroup.com/schemas/regions/"
    xmlns:stDim="http://ns.adobe.com/xap/1.0/sType/Dimensions#"
    xmlns:stArea="http://ns.adobe.com/xmp/sType/Area#"
   digiKam:PickLabel="3"
   digiKam:ColorLabel="4"
   xmp:Rating="4"
   xmp:Label="Green"
   MicrosoftPhoto:Rating="75"
   acdsee:categories="&lt;Categories&gt;&lt;Category Assigned=&quot;0&quot;&gt;x&lt;/Category&gt;">
   <digiKam:TagsList>
    <rdf:Seq>
     <rdf:li>People/Änne</rdf:li>
     <rdf:li>Orte/São Paulo</rdf:li>
    </rdf:Seq>
   </digiKam:TagsList>
   <mwg-rs:Regions rdf:parseType="Resource">
    <mwg-rs:AppliedToDimensions stDim:w="6000" stDim:h="4000" stDim:unit="pixel"/>
    <mwg-rs:RegionList>
     <rdf:Bag>
      <rdf:li>
       <rdf:Description mwg-rs:Name="Änne" mwg-rs:Type="Face" xmp:Rating="5">
        <mwg-rs:Area stArea:x="0.5" stArea:y="0.4" stArea:w="0.1" stArea:h="0.2"/>
       </rdf:Description>
      </rdf:li>
     </rdf:Bag>
    </mwg-rs:RegionList>
   </mwg-rs:Regions>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>"""

LIGHTROOM = """<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="Adobe XMP Core 7.0-c000 1.000000">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
    xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:tiff="http://ns.adobe.com/tiff/1.0/"
    xmlns:crs="http://ns.adobe.com/camera-raw-settings/1.0/"
    xmlns:xmpMM="http://ns.adobe.com/xap/1.0/mm/"
    xmlns:stEvt="http://ns.adobe.com/xap/1.0/sType/ResourceEvent#"
   xmp:CreatorTool="Adobe Photoshop Lightroom Classic 13.1 (Windows)"
   xmp:Rating="3"
   xmp:ModifyDate="2024-01-02T10:11:12+01:00"
   xmp:Label="Rot"
   tiff:Make="Canon"
   crs:Version="16.1"
   crs:ToneCurveName2012="Linear"
   crs:HasSettings="True"
   crs:RawFileName="a &gt; b.cr2">
   <xmpMM:History>
    <rdf:Seq>
     <rdf:li
      stEvt:action="saved"
      stEvt:changed="/metadata"/>
    </rdf:Seq>
   </xmpMM:History>
   <crs:ToneCurvePV2012>
    <rdf:Seq>
     <rdf:li>0, 0</rdf:li>
     <rdf:li>255, 255</rdf:li>
    </rdf:Seq>
   </crs:ToneCurvePV2012>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
"""

ELEMENTS = """<?xpacket begin='\ufeff' id='W5M0MpCehiHzreSzNTczkc9d'?>
<x:xmpmeta xmlns:x='adobe:ns:meta/' x:xmptk='Image::ExifTool 12.57'>
<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>

 <rdf:Description rdf:about=''
  xmlns:dc='http://purl.org/dc/elements/1.1/'>
  <dc:description>
   <rdf:Alt>
    <rdf:li xml:lang='x-default'><![CDATA[a < b]]></rdf:li>
   </rdf:Alt>
  </dc:description>
 </rdf:Description>

 <rdf:Description rdf:about=''
  xmlns:xap='http://ns.adobe.com/xap/1.0/'>
  <xap:Label>Yellow</xap:Label>
  <xap:Rating>1</xap:Rating>
 </rdf:Description>
 <!-- a comment that somebody wants to keep -->
</rdf:RDF>
</x:xmpmeta>
<?xpacket end='w'?>"""

BARE_RDF = f"""<rdf:RDF xmlns:rdf="{RDF}"
><rdf:Description rdf:about="" xmlns:a="urn:a"><a:Rating>9</a:Rating><xmp:Rating xmlns:xmp="http://ns.adobe.com/xap/1.0/"/></rdf:Description
></rdf:RDF>"""

OTHER_PREFIX = f"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><r:RDF xmlns:r="{RDF}"
><r:Description r:about="" xmlns:xmp="urn:not-adobe" xmp:Rating="keep me"
  xmlns:qpt="urn:somebody-else" qpt:Flag="keep me too"/></r:RDF></x:xmpmeta>"""

NO_DESCRIPTION = (
    f"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{RDF}"></rdf:RDF></x:xmpmeta>"""
)

SAMPLES = {
    "darktable": DARKTABLE.encode(),
    "digikam": DIGIKAM.encode(),
    "lightroom": LIGHTROOM.encode(),
    "lightroom with BOM": b"\xef\xbb\xbf" + LIGHTROOM.encode(),
    "lightroom with CRLF": LIGHTROOM.replace("\n", "\r\n").encode(),
    "elements": ELEMENTS.encode(),
    "bare rdf": BARE_RDF.encode(),
    "other prefixes": OTHER_PREFIX.encode(),
    "no description": NO_DESCRIPTION.encode(),
}
